import type { SpendView } from "#/features/explore/rows";
import { fitTo, unitOf } from "#/lib/money";

/** Two dimensions across each other. Displayed cells add up to the displayed sums of their rows. */
export interface Pivot {
  columns: readonly string[];
  /** Columns that were too many: their last cell stands for so many. */
  others: number;
  rows: readonly PivotRow[];
  /** Rows that were too many, as one; also those that the answer did not list. */
  rest: { rows: number; nanos: number; shown: number } | undefined;
  sums: readonly number[];
  sumsShown: readonly number[];
}

export interface PivotRow {
  key: string;
  cells: readonly number[];
  shown: readonly number[];
  nanos: number;
  total: number;
}

/** Columns and rows that stand for themselves. */
const MOST_COLUMNS = 8;
const MOST_ROWS = 100;

/** Lays an answer by two dimensions across, dearest first; columns of time in the order of time. */
export function pivotOf(view: SpendView, byTime: boolean): Pivot {
  const table = new Map<string, Map<string, number>>();
  const columnSums = new Map<string, number>();
  const rowSums = new Map<string, { nanos: number; shown: number }>();
  for (const { keys, nanos, shown } of view.rows) {
    const [row = "", column = ""] = keys;
    const cells = table.get(row) ?? new Map<string, number>();
    cells.set(column, (cells.get(column) ?? 0) + nanos);
    table.set(row, cells);
    columnSums.set(column, (columnSums.get(column) ?? 0) + nanos);
    const sum = rowSums.get(row) ?? { nanos: 0, shown: 0 };
    rowSums.set(row, { nanos: sum.nanos + nanos, shown: sum.shown + shown });
  }
  const dearest = [...columnSums].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([key]) => key);
  const columns = dearest.slice(0, dearest.length === MOST_COLUMNS + 1 ? MOST_COLUMNS + 1 : MOST_COLUMNS);
  if (byTime) columns.sort();
  const others = dearest.length - columns.length;
  const across = (cells: Map<string, number>) => {
    const own = columns.map((column) => cells.get(column) ?? 0);
    if (others === 0) return own;
    let rest = 0;
    for (const [column, nanos] of cells) if (!columns.includes(column)) rest += nanos;
    return [...own, rest];
  };
  const unit = unitOf(view.decimals);
  const keys = [...rowSums].sort(([a, x], [b, y]) => y.nanos - x.nanos || (a < b ? -1 : 1)).map(([key]) => key);
  const rows = keys.slice(0, MOST_ROWS).map((key): PivotRow => {
    const cells = across(table.get(key) ?? new Map());
    const { nanos, shown } = rowSums.get(key) ?? { nanos: 0, shown: 0 };
    return { key, cells, shown: fitTo(cells, unit, shown), nanos, total: shown };
  });
  const left = keys.slice(MOST_ROWS).map((key) => rowSums.get(key) ?? { nanos: 0, shown: 0 });
  const restRows = left.length + (view.rest?.rows ?? 0);
  const rest = {
    rows: restRows,
    nanos: left.reduce((sum, row) => sum + row.nanos, view.rest?.nanos ?? 0),
    shown: left.reduce((sum, row) => sum + row.shown, view.rest?.shown ?? 0),
  };
  const width = columns.length + (others > 0 ? 1 : 0);
  const sums = Array.from({ length: width }, (_, at) => rows.reduce((sum, row) => sum + (row.cells[at] ?? 0), 0));
  const sumsShown = Array.from({ length: width }, (_, at) => rows.reduce((sum, row) => sum + (row.shown[at] ?? 0), 0));
  return { columns, others, rows, rest: restRows > 0 ? rest : undefined, sums, sumsShown };
}
