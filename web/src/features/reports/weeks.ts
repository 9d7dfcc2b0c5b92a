import { daysWords } from "#/features/overview/period";

const DAY_MS = 86_400_000;
const LISTED = 13;

/** A week of ISO 8601 as the address has it: 2026-W47. */
export const WEEK = /^\d{4}-W(0[1-9]|[1-4]\d|5[0-3])$/;

/** The week that a moment lies in. It belongs to the year of its Thursday. */
export function weekOf(at: Date, zone: string): string {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(at);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const thursday = new Date(midnight + (3 - ((new Date(midnight).getUTCDay() + 6) % 7)) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const number = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS));
  return `${year}-W${String(number).padStart(2, "0")}`;
}

/** Midnight UTC of the Monday that a week begins with: the fourth of January lies in every year's first. */
function mondayOf(week: string): number {
  const [year = 0, number = 1] = week.split("-W").map(Number);
  const fourth = Date.UTC(year, 0, 4);
  return fourth + (7 * (number - 1) - ((new Date(fourth).getUTCDay() + 6) % 7)) * DAY_MS;
}

/** A week so many weeks away. */
export function weekBy(week: string, step: number): string {
  return weekOf(new Date(mondayOf(week) + 7 * step * DAY_MS), "UTC");
}

/** "Week 47, 16–22 Nov 2026". */
export function weekWords(week: string): string {
  const monday = mondayOf(week);
  const end = new Date(monday + 7 * DAY_MS).toISOString();
  return `Week ${Number(week.slice(-2))}, ${daysWords(new Date(monday).toISOString(), end, "UTC")} ${week.slice(0, 4)}`;
}

/** The weeks that one can choose, newest first: the one that runs, and those before. */
export function weeksUpTo(current: string): string[] {
  return Array.from({ length: LISTED }, (_, back) => weekBy(current, -back));
}
