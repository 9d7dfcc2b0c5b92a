import type { CostBreakdown } from "#/api/schema";
import type { Dimension } from "#/features/explore/dimensions";
import type { Filter } from "#/features/explore/search";
import { daysIn, hourIn, type Span, weekOf } from "#/lib/period";
import type { Clock } from "#/lib/time";

/** Bars of a picture: one for each step of time, each made of the same series. */
export interface Bars {
  steps: readonly string[];
  series: readonly { key: string | undefined; nanos: number; values: readonly number[] }[];
  sums: readonly number[];
  highest: number;
}

/** Series that stand for themselves; all others are one. */
export const MOST_SERIES = 5;

const DAY_MS = 86_400_000;

/** The step of time that gives a picture of so many days enough bars, and not too many. */
export function stepFor(span: Pick<Span, "from" | "to">): Dimension {
  const days = (Date.parse(span.to) - Date.parse(span.from)) / DAY_MS + 1;
  if (days <= 2) return "hour";
  if (days <= 62) return "day";
  return days <= 190 ? "week" : "month";
}

/** Steps that make so few bars of a period that they can be told apart. */
export function stepsFor(span: Pick<Span, "from" | "to">): Dimension[] {
  const days = (Date.parse(span.to) - Date.parse(span.from)) / DAY_MS + 1;
  const bars = { hour: days * 24, day: days, week: days / 7, month: days / 30 };
  return (["hour", "day", "week", "month"] as const).filter((step) => bars[step] <= MOST_BARS);
}

const MOST_BARS = 400;

/** All steps of a period up to now, also those in which nothing was spent. */
export function stepsOf(step: Dimension, span: Span, clock: Clock): string[] {
  const days = daysIn(span, clock);
  switch (step) {
    case "month":
      return [...new Set(days.map((day) => day.slice(0, 7)))];
    case "week":
      return [...new Set(days.map(weekOf))];
    case "day":
      return days;
    default: {
      const hours: string[] = [];
      const end = Math.min(clock.now.getTime(), span.until ? Date.parse(span.until) : Number.POSITIVE_INFINITY);
      for (let at = Date.parse(span.since); at < end; at += HOUR_MS) hours.push(hourIn(new Date(at), clock.zone));
      return hours;
    }
  }
}

const HOUR_MS = 3_600_000;

/** The dearest values of what rows are of, which become series. */
export function dearestKeys(answer: CostBreakdown): string[] {
  const sums = new Map<string, number>();
  for (const { keys, cost_nanos: nanos } of answer.rows) {
    const [key = ""] = keys;
    sums.set(key, (sums.get(key) ?? 0) + nanos);
  }
  const sorted = [...sums].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([key]) => key);
  // One that would be the only other one stands for itself.
  return sorted.slice(0, sorted.length === MOST_SERIES + 1 && answer.rest_rows === 0 ? MOST_SERIES + 1 : MOST_SERIES);
}

/** A filter for the series: a value that ends in a star would stand for others, too, and is left to the others. */
export function seriesFilter(dimension: Dimension, keys: readonly string[]): Filter {
  return { dimension, values: keys.filter((key) => !key.endsWith("*")) };
}

/**
 * Lays bars out: the sums of all steps, and of them what the series are; the rest of each step is one more series. Steps in which nothing
 * was spent have a place of their own.
 */
export function barsOf(
  totals: CostBreakdown,
  parts: CostBreakdown,
  keys: readonly string[],
  all: readonly string[],
): Bars {
  const spent = new Map(totals.rows.map((row) => [row.keys[0] ?? "", row.cost_nanos]));
  const known = new Set(all);
  const others = [...spent.keys()].filter((step) => !known.has(step));
  // The hours of a night in which the clocks go back are in order, though their names are not.
  const steps = others.length > 0 ? [...all, ...others].sort() : all;
  const at = new Map(steps.map((step, index) => [step, index]));
  const sums = steps.map((step) => spent.get(step) ?? 0);
  const rest = [...sums];
  const values = new Map(keys.map((key) => [key, steps.map(() => 0)]));
  for (const {
    keys: [step = "", key = ""],
    cost_nanos: nanos,
  } of parts.rows) {
    const index = at.get(step);
    const series = values.get(key);
    // Steps that began between two answers are in the next ones.
    if (index === undefined || !series) continue;
    series[index] = (series[index] ?? 0) + nanos;
    rest[index] = (rest[index] ?? 0) - nanos;
  }
  const sum = (of: readonly number[]) => of.reduce((all, one) => all + one, 0);
  const named = keys.map((key) => ({ key, nanos: sum(values.get(key) ?? []), values: values.get(key) ?? [] }));
  const remaining = { key: undefined, nanos: sum(rest), values: rest };
  return {
    steps,
    series: remaining.nanos > 0 ? [...named, remaining] : named,
    sums,
    highest: sums.reduce((most, one) => Math.max(most, one), 0),
  };
}

/** Numbers that are read easily, four times over too. */
const ROUND = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10] as const;

/** Round amounts for the lines of a grid: at most four, up to at least the highest bar. */
export function gridOf(highest: number): number[] {
  if (highest <= 0) return [];
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ROUND.map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power;
  return [1, 2, 3, 4]
    .map((line) => line * step)
    .filter((_, index, all) => index === 0 || (all[index - 1] ?? 0) < highest);
}
