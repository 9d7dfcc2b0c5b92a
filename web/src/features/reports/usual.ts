import type { Report } from "#/api/schema";

/** Fewer weeks have no usual. */
const LEAST = 2;

/** What the weeks before cost on average; undefined where they are too few, or this one is not over. */
export function usualOf({ weeks, overview }: Report): number | undefined {
  if (weeks.length < LEAST || Date.parse(overview.until) < Date.parse(overview.end)) return undefined;
  return Math.trunc(weeks.reduce((sum, week) => sum + week.cost_nanos, 0) / weeks.length);
}
