import type { Bill, BillLine } from "#/api/schema";
import { apportion, decimalsFor, shares, unitOf } from "#/lib/money";
import { type CategoryWords, categoryWords, KINDS, type Kind, kindOfLine } from "#/lib/work";

/** One row of money on no line. */
export interface RestRow {
  name: string;
  words: CategoryWords;
  nanos: number;
  /** The amount as displayed: rounded so that all displayed amounts add up. */
  shown: number;
  share: number;
  seconds: number | undefined;
}

/** One line of user code. */
export interface LineRow {
  key: string;
  line: BillLine;
  kind: Kind;
  shown: number;
  share: number;
}

/** A bill ready to be shown: every displayed part adds up to the displayed total. */
export interface BillView {
  currency: string;
  decimals: number;
  total: number;
  lines: LineRow[];
  linesShown: number;
  linesShare: number;
  linesSeconds: number;
  rest: RestRow[];
}

const LOOKS: readonly CategoryWords["look"][] = ["idle", "over", "unattributed", "unknown"];

/** Three digits of the total: cents from a dollar up, finer below, so that a short run still has a bill one can read. */
const DIGITS = 3;

/** Lays a bill out. */
export function viewOf(bill: Bill): BillView {
  const decimals = decimalsFor(bill.total_nanos, DIGITS);
  const rest = [
    ...bill.categories.map((category) => ({
      name: category.name,
      words: categoryWords(category.name),
      nanos: category.cost_nanos,
      seconds: category.thread_seconds as number | undefined,
    })),
    { name: "unknown", words: categoryWords("unknown"), nanos: bill.unknown_nanos, seconds: undefined },
  ].sort((a, b) => LOOKS.indexOf(a.words.look) - LOOKS.indexOf(b.words.look) || b.nanos - a.nanos);
  const lines = [...bill.lines].sort((a, b) => b.cost_nanos - a.cost_nanos);

  const parts = [...lines.map((line) => line.cost_nanos), ...rest.map((row) => row.nanos)];
  const shown = apportion(parts, unitOf(decimals));
  const share = shares(parts);
  const lineRows = lines.map((line, index) => ({
    key: lineKey(line),
    line,
    kind: kindOfLine(line.prefixes),
    shown: shown[index] ?? 0,
    share: share[index] ?? 0,
  }));
  const restRows = rest.map((row, index) => ({
    ...row,
    shown: shown[lines.length + index] ?? 0,
    share: share[lines.length + index] ?? 0,
  }));
  return {
    currency: bill.currency,
    decimals,
    total: bill.total_nanos,
    lines: lineRows,
    linesShown: sum(lineRows.map((row) => row.shown)),
    linesShare: sum(lineRows.map((row) => row.share)),
    linesSeconds: sum(lines.map((line) => line.thread_seconds)),
    rest: restRows,
  };
}

/** What some rows cost together, as displayed. */
export function sumOf(rows: readonly { shown: number; share: number }[]): { shown: number; share: number } {
  return { shown: sum(rows.map((row) => row.shown)), share: sum(rows.map((row) => row.share)) };
}

/** The same line of the same function, whatever the order of the bill. */
export function lineKey(line: Pick<BillLine, "file" | "line" | "function">): string {
  return `${line.file}:${line.line}:${line.function}`;
}

/** One part of the split of the total by what it was spent on. */
export interface SplitPart {
  look: Kind | CategoryWords["look"];
  shown: number;
  share: number;
}

/** The total by kind of work and by kind of what is not work; the parts add up to what the bill shows. */
export function split(view: BillView): SplitPart[] {
  const sums = new Map<SplitPart["look"], SplitPart>();
  const add = (look: SplitPart["look"], shown: number, share: number) => {
    const part = sums.get(look) ?? { look, shown: 0, share: 0 };
    sums.set(look, { look, shown: part.shown + shown, share: part.share + share });
  };
  for (const row of view.lines) add(row.kind, row.shown, row.share);
  for (const row of view.rest) add(row.words.look, row.shown, row.share);
  const order: readonly SplitPart["look"][] = [...KINDS, ...LOOKS];
  return order.flatMap((look) => sums.get(look) ?? []).filter((part) => part.shown > 0 || part.share > 0);
}

/** What one line of source cost: all functions on it together. */
export interface GutterEntry {
  shown: number;
  exact: number;
  kind: Kind;
  rows: LineRow[];
}

/** What each line of one file cost, for the gutter beside its source. */
export function gutter(view: BillView, file: string): Map<number, GutterEntry> {
  const byLine = new Map<number, GutterEntry>();
  for (const row of view.lines) {
    if (row.line.file !== file) continue;
    const entry = byLine.get(row.line.line);
    // Rows come dearest first, so the first one names the kind.
    byLine.set(row.line.line, {
      shown: (entry?.shown ?? 0) + row.shown,
      exact: (entry?.exact ?? 0) + row.line.cost_nanos,
      kind: entry?.kind ?? row.kind,
      rows: [...(entry?.rows ?? []), row],
    });
  }
  return byLine;
}

/** The files of a bill, dearest first. */
export function filesOf(view: BillView): { file: string; shown: number; lines: number }[] {
  const files = new Map<string, { file: string; shown: number; lines: number }>();
  for (const { line, shown } of view.lines) {
    const entry = files.get(line.file) ?? { file: line.file, shown: 0, lines: 0 };
    files.set(line.file, { file: line.file, shown: entry.shown + shown, lines: entry.lines + 1 });
  }
  return [...files.values()].sort((a, b) => b.shown - a.shown || a.file.localeCompare(b.file));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
