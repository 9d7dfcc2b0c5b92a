import type { CostAnswer } from "#/api/queries/costs";
import type { Dimension } from "#/features/explore/dimensions";
import type { Filter } from "#/features/explore/search";
import type { Span } from "#/lib/period";

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

/** The dearest values of what rows are of, which become series. */
export function dearestKeys(answer: CostAnswer): string[] {
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

/** Lays bars out: the sums of all steps, and of them what the series are; the rest of each step is one more series. */
export function barsOf(totals: CostAnswer, parts: CostAnswer, keys: readonly string[]): Bars {
  const steps = totals.rows.map((row) => row.keys[0] ?? "");
  const at = new Map(steps.map((step, index) => [step, index]));
  const sums = totals.rows.map((row) => row.cost_nanos);
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
  const others = { key: undefined, nanos: sum(rest), values: rest };
  return {
    steps,
    series: others.nanos > 0 ? [...named, others] : named,
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
