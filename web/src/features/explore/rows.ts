import type { CostBreakdown } from "#/api/schema";
import { type Dimension, isDimension, isTime } from "#/features/explore/dimensions";
import { namesApart, valueWords } from "#/features/explore/words";
import { apportion, decimalsFor, NANOS, shares, unitOf } from "#/lib/money";

/** One row of the explorer's table. */
export interface SpendRow {
  keys: readonly string[];
  nanos: number;
  /** The amount as displayed: all of them add up to the displayed total. */
  shown: number;
  share: number;
  seconds: number;
}

/** An answer ready to be shown: displayed rows and rest add up to the displayed total. */
export interface SpendView {
  by: readonly Dimension[];
  currency: string;
  decimals: number;
  names: Readonly<Record<string, string>>;
  rows: readonly SpendRow[];
  rest: { rows: number; nanos: number; shown: number; share: number } | undefined;
  total: { nanos: number; shown: number };
  dearest: number;
}

const DIGITS = 3;

/** Totals of months are read in whole units of the currency; those of one run need cents and less. */
const WHOLE_FROM = 10_000 * NANOS;

/** Decimals in which amounts of a total are shown. */
export function decimalsOf(total: number): number {
  return Math.abs(total) >= WHOLE_FROM ? 0 : decimalsFor(total, DIGITS);
}

/** Lays an answer out; beside other amounts in the decimals of these. */
export function viewOf(answer: CostBreakdown, decimals = decimalsOf(answer.total_nanos)): SpendView {
  const costs = [...answer.rows.map((row) => row.cost_nanos), answer.rest_nanos];
  const shown = apportion(costs, unitOf(decimals));
  const parts = shares(costs);
  const rows = answer.rows.map((row, index) => ({
    keys: row.keys,
    nanos: row.cost_nanos,
    shown: shown[index] ?? 0,
    share: parts[index] ?? 0,
    seconds: row.thread_seconds,
  }));
  const last = answer.rows.length;
  return {
    by: answer.by.filter(isDimension),
    currency: answer.currency,
    decimals,
    names: { ...answer.names, ...namesApart(filesOf(answer)) },
    rows,
    rest:
      answer.rest_rows > 0
        ? { rows: answer.rest_rows, nanos: answer.rest_nanos, shown: shown[last] ?? 0, share: parts[last] ?? 0 }
        : undefined,
    total: { nanos: answer.total_nanos, shown: shown.reduce((sum, part) => sum + part, 0) },
    dearest: Math.max(
      0,
      ...rows.slice(0, 1).map((row) => row.nanos),
      rows.reduce((most, row) => Math.max(most, row.nanos), 0),
    ),
  };
}

/** The files that an answer names, alone or with a line. */
function filesOf({ by, rows }: CostBreakdown): string[] {
  return by.flatMap((dimension, index) => {
    if (!["file", "line", "leaf"].includes(dimension)) return [];
    const files = rows.map(({ keys }) => keys[index] ?? "");
    return dimension === "file" ? files : files.map((place) => place.slice(0, place.lastIndexOf(":")));
  });
}

/** Rows whose values hold a text, in words or as they are. */
export function matching(view: SpendView, text: string): readonly SpendRow[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return view.rows;
  return view.rows.filter((row) =>
    row.keys.some((key, index) => {
      const dimension = view.by[index];
      return `${key} ${dimension ? valueWords(dimension, key, view.names) : ""}`.toLowerCase().includes(wanted);
    }),
  );
}

/** How a table is ordered: by money, time, or the key of a column, descending with a minus before it. */
export type Column = "cost" | "time" | `key${number}`;

/** What a table is ordered by unless something is chosen: money, or the time that its rows are of. */
export function usualOrder(by: readonly Dimension[]): Column | `-${Column}` {
  return by[0] && isTime(by[0]) ? "key0" : "-cost";
}

export function ordered(rows: readonly SpendRow[], order: string): readonly SpendRow[] {
  const down = order.startsWith("-");
  const column = down ? order.slice(1) : order;
  const sign = down ? -1 : 1;
  const key = Number(column.slice(3));
  const compare = (a: SpendRow, b: SpendRow) => {
    if (column === "cost") return a.nanos - b.nanos;
    if (column === "time") return a.seconds - b.seconds;
    return compareText(a.keys[key] ?? "", b.keys[key] ?? "");
  };
  return rows
    .map((row, index) => ({ row, index }))
    .sort((a, b) => sign * compare(a.row, b.row) || a.index - b.index)
    .map(({ row }) => row);
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
