import type { LineRow } from "#/features/bill/view";
import { apportion } from "#/lib/money";

/** Cost by task prefix, displayed so that it adds up to what the line shows. */
export function prefixesOf(rows: readonly LineRow[], shown: number, unit: number): { prefix: string; shown: number }[] {
  const sums = new Map<string, number>();
  for (const row of rows) {
    for (const part of row.line.prefixes) sums.set(part.prefix, (sums.get(part.prefix) ?? 0) + part.cost_nanos);
  }
  const parts = [...sums].sort(([, a], [, b]) => b - a);
  const fitted = apportion(
    parts.map(([, nanos]) => nanos),
    unit,
  );
  // The line's own amount was rounded within the whole bill; the dearest part takes the unit between the two.
  const difference = shown - fitted.reduce((sum, nanos) => sum + nanos, 0);
  return parts.map(([prefix], index) => ({ prefix, shown: (fitted[index] ?? 0) + (index === 0 ? difference : 0) }));
}
