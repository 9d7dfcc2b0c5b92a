import type { PeriodQuery } from "#/api/queries/keys";
import type { Overview } from "#/api/schema";
import { DAYS, type OverviewSearch } from "#/features/overview/search";
import { dateIn, type PeriodSearch } from "#/lib/period";

const DAY_MS = 86_400_000;
const MONTHS_LISTED = 13;

/** The month, 2026-11, that a moment lies in. */
export function monthOf(at: Date, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit" }).formatToParts(
    at,
  );
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("year").padStart(4, "0")}-${part("month")}`;
}

/** A month so many months away. */
export function monthBy(month: string, step: number): string {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + step, 1)).toISOString().slice(0, 7);
}

/** "November 2026", or "Nov 2026". */
export function monthWords(month: string, short = false): string {
  const at = new Date(`${month}-01T00:00:00Z`);
  return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: short ? "short" : "long", year: "numeric" }).format(
    at,
  );
}

/** What the server is asked for. Days are whole ones, today being the last; to the hour, so that a page asked for twice is asked once. */
export function queryOf(search: OverviewSearch, now: Date): PeriodQuery {
  if (search.days === undefined) return { month: search.month };
  const hour = new Date(Math.ceil(now.getTime() / 3_600_000) * 3_600_000);
  return {
    since: new Date(hour.getTime() - (search.days - 1) * DAY_MS - 3_600_000).toISOString(),
    until: new Date(hour.getTime() - 3_600_000 + 1).toISOString(),
  };
}

/** The days of an overview, as the addresses of other pages have them. */
export function daysOf({ first_day, until, zone }: Pick<Overview, "first_day" | "until" | "zone">): PeriodSearch {
  return { from: first_day, to: dateIn(new Date(Date.parse(until) - 1), zone) };
}

/** The periods one can choose, each with its value for a list. */
export function choices(current: string): { value: string; words: string }[] {
  return [
    ...Array.from({ length: MONTHS_LISTED }, (_, back) => monthBy(current, -back)).map((month) => ({
      value: month,
      words: monthWords(month),
    })),
    ...DAYS.map((days) => ({ value: String(days), words: `Last ${days} days` })),
  ];
}

/** What a choice means for the address; the current month is what stands there without one. */
export function searchOf(value: string, current: string): OverviewSearch {
  const days = DAYS.find((known) => String(known) === value);
  return days ? { days, month: undefined } : { days: undefined, month: value === current ? undefined : value };
}

const day = (at: Date, zone: string, options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(at);

/** "1–19 Nov", "28 Oct–3 Nov": the days that a window touches. */
export function daysWords(start: string, end: string, zone: string): string {
  const first = new Date(start);
  const last = new Date(Math.max(first.getTime(), new Date(end).getTime() - 1));
  const long = (at: Date) => day(at, zone, { day: "numeric", month: "short" });
  if (long(first) === long(last)) return long(first);
  if (day(first, zone, { month: "short" }) === day(last, zone, { month: "short" })) {
    return `${day(first, zone, { day: "numeric" })}–${long(last)}`;
  }
  return `${long(first)}–${long(last)}`;
}

/** The i-th day from a first one, as "3 Nov". */
export function dayWords(first: string, index: number): string {
  return day(new Date(Date.parse(`${first}T00:00:00Z`) + index * DAY_MS), "UTC", { day: "numeric", month: "short" });
}

/** The number of the i-th day in its month. */
export function dayNumber(first: string, index: number): number {
  return new Date(Date.parse(`${first}T00:00:00Z`) + index * DAY_MS).getUTCDate();
}

/** From so many days on, months are named rather than days. */
const LONG = 45;
/** Labels of an axis beside each other, and the share of it that the first one needs. */
const LABELS = 6;
const FIRST_SHARE = 0.1;

/** Up to here, on narrow screens, the label of the first day needs the room. */
export const CROWDED = 0.2;

/** Days that are named on an axis: the first with its month, then round ones, or the first of each month. */
export function dayLabels(first: string, days: number): { index: number; words: string }[] {
  const step = Math.max(1, Math.ceil(days / LABELS / 5) * 5);
  const labels = [{ index: 0, words: dayWords(first, 0) }];
  for (let index = 1; index < days; index += 1) {
    const number = dayNumber(first, index);
    const round = days >= LONG ? number === 1 : days <= 10 || number % step === 0;
    if (round && index / days >= FIRST_SHARE) {
      labels.push({ index, words: days >= LONG ? dayWords(first, index) : String(number) });
    }
  }
  return labels;
}

/** How many days a period has, whatever the clocks do in between. */
export function daysIn(start: string, end: string): number {
  return Math.max(1, Math.round((Date.parse(end) - Date.parse(start)) / DAY_MS));
}
