import type { Bill, BillLine } from "#/api/schema";
import type { Grouping } from "#/features/bill/grouping";
import { apportion, decimalsFor, fitTo, shares, unitOf } from "#/lib/money";
import { type CategoryWords, categoryWords, KINDS, type Kind, kindOf, type RestLook } from "#/lib/work";

/** A bill's entry stands on two lines: the one that created the work and the one where threads stood. */
export type Side = "origin" | "line";

/** What a row is about: a line of code, an operation, a library, or tasks of one prefix. */
export type About =
  | { type: "line"; side: Side; file: string; line: number; function: string; text: string }
  | { type: "operation"; operation: string }
  | { type: "library"; library: string }
  | { type: "prefix"; prefix: string };

/** One row of the bill, or of what is inside a row. */
export interface Row {
  key: string;
  about: About;
  /** What tells a row inside another apart beside its line: its operation and library. */
  work: { operation: string; library: string } | undefined;
  entries: readonly BillLine[];
  nanos: number;
  /** The amount as displayed: rounded so that all displayed amounts of a level add up to what is above them. */
  shown: number;
  share: number;
  /** Thread time, native parallelism included. */
  seconds: number;
  native: number;
  cpu: number;
  /** Cost by kind of work, dearest first. */
  kinds: { kind: Kind; nanos: number }[];
}

/** One row of money on no line. */
export interface RestRow {
  name: string;
  words: CategoryWords;
  nanos: number;
  shown: number;
  share: number;
  seconds: number | undefined;
}

/** A bill ready to be shown: every displayed part adds up to the displayed total. */
export interface BillView {
  currency: string;
  decimals: number;
  by: Grouping;
  /** Whether threads were looked at from outside, where neither creating nor submitting lines can be seen. */
  sampled: boolean;
  total: number;
  rows: Row[];
  rowsShown: number;
  rowsShare: number;
  rowsSeconds: number;
  rest: RestRow[];
}

const LOOKS: readonly RestLook[] = ["idle", "over", "lost", "gap", "smaller", "unattributed", "unknown"];

/** Three digits of the total: cents from a dollar up, finer below, so that a short run still has a bill one can read. */
const DIGITS = 3;

/** Lays a bill out, in the decimals of a run unless others are given. What is on no line is displayed the same in every grouping. */
export function viewOf(bill: Bill, by: Grouping, decimals = decimalsFor(bill.total_nanos, DIGITS)): BillView {
  const rest = [
    ...bill.categories.map((category) => ({
      name: category.name,
      words: categoryWords(category.name),
      nanos: category.cost_nanos,
      // Money of GPUs on which nothing ran has no time of threads.
      seconds: category.name === "idle.gpu" ? undefined : category.thread_seconds,
    })),
    { name: "unknown", words: categoryWords("unknown"), nanos: bill.unknown_nanos, seconds: undefined },
  ].sort((a, b) => LOOKS.indexOf(a.words.look) - LOOKS.indexOf(b.words.look) || b.nanos - a.nanos);
  const parts = [sum(bill.lines.map((line) => line.cost_nanos)), ...rest.map((row) => row.nanos)];
  const [rowsShown = 0, ...restShown] = apportion(parts, unitOf(decimals));
  const [rowsShare = 0, ...restShares] = shares(parts);
  const level = LEVELS[by][0];
  const rows = level ? fitted(groups(bill.lines, level), rowsShown, rowsShare, decimals) : [];
  return {
    currency: bill.currency,
    decimals,
    by,
    sampled: bill.method === "sampled",
    total: bill.total_nanos,
    rows,
    rowsShown,
    rowsShare,
    rowsSeconds: sum(rows.map((row) => row.seconds)),
    rest: rest.map((row, index) => ({ ...row, shown: restShown[index] ?? 0, share: restShares[index] ?? 0 })),
  };
}

/** A row of nothing, to begin sums with. */
const EMPTY: Row = {
  key: "",
  about: { type: "prefix", prefix: "" },
  work: undefined,
  entries: [],
  nanos: 0,
  shown: 0,
  share: 0,
  seconds: 0,
  native: 0,
  cpu: 0,
  kinds: [],
};

/** A bill in the grouping that was chosen, and by both of its lines, which the source beside it needs. */
export interface BillViews {
  chosen: BillView;
  /** By the line that created the work, or by that where threads stood if that was chosen. */
  lines: BillView;
  /** The other of the two. */
  others: BillView;
}

export function viewsOf(bill: Bill, by: Grouping): BillViews {
  const chosen = viewOf(bill, by);
  if (by === "line") return { chosen, lines: chosen, others: viewOf(bill, "origin") };
  return { chosen, lines: by === "origin" ? chosen : viewOf(bill, "origin"), others: viewOf(bill, "line") };
}

/** The row of a line, and the view it is of: the one on the side that was chosen, else the other one's. */
export function rowAt(views: BillViews, at: { file: string; line: number }): { view: BillView; row: Row } | undefined {
  for (const view of [views.lines, views.others]) {
    const row = gutter(view, at.file).get(at.line);
    if (row) return { view, row };
  }
  return undefined;
}

/** How entries fall into rows: by what, and whether rows of the same line differ by what was done there. */
interface Level {
  about: (entry: BillLine) => About;
  byWork: boolean;
}

// What was measured before origins were has none: it stays where threads stood.
const created: Level["about"] = (entry) => ({
  type: "line",
  side: "origin",
  file: entry.origin_file || entry.file,
  line: entry.origin_file ? entry.origin_line : entry.line,
  function: entry.origin_file ? entry.origin_function : entry.function,
  text: entry.origin_file ? entry.origin_text : entry.text,
});
const stood: Level["about"] = (entry) => ({
  type: "line",
  side: "line",
  file: entry.file,
  line: entry.line,
  function: entry.function,
  text: entry.text,
});

/** The levels above the task prefixes, which are always the innermost. */
const LEVELS: Record<Grouping, readonly Level[]> = {
  origin: [
    { about: created, byWork: false },
    { about: stood, byWork: true },
  ],
  line: [
    { about: stood, byWork: false },
    { about: created, byWork: true },
  ],
  operation: [
    { about: (entry) => ({ type: "operation", operation: entry.operation }), byWork: false },
    { about: created, byWork: true },
  ],
  library: [
    { about: (entry) => ({ type: "library", library: entry.library }), byWork: false },
    { about: created, byWork: true },
  ],
};

/** How many levels of rows a bill has: groups, what is inside them, and task prefixes. */
export const DEPTH = 3;

/** What is inside a row of a depth, displayed so that it adds up to the row; nothing below the prefixes. */
export function inside(view: BillView, row: Row, depth: number): Row[] {
  if (depth >= DEPTH - 1) return [];
  const level = LEVELS[view.by][depth + 1];
  return fitted(level ? groups(row.entries, level) : prefixes(row.entries), row.shown, row.share, view.decimals);
}

/** The same line, operation, library or prefix always has the same key, whatever the order of the bill. */
export function keyOf(about: About): string {
  switch (about.type) {
    case "line":
      return `${about.file}:${about.line}`;
    case "operation":
      return about.operation;
    case "library":
      return about.library;
    case "prefix":
      return about.prefix;
  }
}

function groups(entries: readonly BillLine[], level: Level): Row[] {
  const found = new Map<string, BillLine[]>();
  for (const entry of entries) {
    const work = level.byWork ? ` ${entry.operation} ${entry.library}` : "";
    const key = keyOf(level.about(entry)) + work;
    const group = found.get(key);
    if (group) group.push(entry);
    else found.set(key, [entry]);
  }
  return [...found].flatMap(([key, group]) => {
    // The dearest names the row: functions on one line differ, and a text may be known to some entries only.
    const [first, ...others] = [...group].sort((a, b) => b.cost_nanos - a.cost_nanos);
    if (!first) return [];
    const about = level.about(first);
    if (about.type === "line" && !about.text) {
      about.text = others
        .map(level.about)
        .reduce((text, other) => text || (other.type === "line" ? other.text : ""), "");
    }
    return [
      {
        ...EMPTY,
        key,
        about,
        work: level.byWork ? { operation: first.operation, library: first.library } : undefined,
        entries: group,
        nanos: sum(group.map((entry) => entry.cost_nanos)),
        seconds: sum(group.map((entry) => entry.thread_seconds + entry.native_seconds)),
        native: sum(group.map((entry) => entry.native_seconds)),
        cpu: sum(group.map((entry) => entry.cpu_seconds)),
        kinds: kindsOf(group),
      },
    ];
  });
}

function prefixes(entries: readonly BillLine[]): Row[] {
  const found = new Map<string, Row>();
  for (const entry of entries) {
    for (const part of entry.prefixes) {
      const row = found.get(part.prefix) ?? EMPTY;
      found.set(part.prefix, {
        ...row,
        key: part.prefix,
        about: { type: "prefix", prefix: part.prefix },
        nanos: row.nanos + part.cost_nanos,
        seconds: row.seconds + part.thread_seconds,
      });
    }
  }
  return [...found.values()];
}

/** Rows dearest first, displayed so that they add up to an amount and a share. */
function fitted(rows: Row[], shown: number, share: number, decimals: number): Row[] {
  const sorted = rows.sort((a, b) => b.nanos - a.nanos || a.key.localeCompare(b.key));
  const nanos = sorted.map((row) => row.nanos);
  const amounts = fitTo(nanos, unitOf(decimals), shown);
  const total = sum(nanos);
  const tenths = fitTo(
    nanos.map((part) => (total > 0 ? (part / total) * share * 1000 : 0)),
    1,
    total > 0 ? share * 1000 : 0,
  );
  return sorted.map((row, index) => ({ ...row, shown: amounts[index] ?? 0, share: (tenths[index] ?? 0) / 1000 }));
}

function kindsOf(entries: readonly BillLine[]): Row["kinds"] {
  const sums = new Map<Kind, number>();
  for (const entry of entries) {
    const kind = kindOf(entry.operation);
    sums.set(kind, (sums.get(kind) ?? 0) + entry.cost_nanos);
  }
  return [...sums].map(([kind, nanos]) => ({ kind, nanos })).sort((a, b) => b.nanos - a.nanos);
}

/** The kind that most of a row's money went to. */
export function mainKind(row: Pick<Row, "kinds">): Kind {
  return row.kinds[0]?.kind ?? "other";
}

/** What most of a row's money has in common. */
export function dearestOf(row: Pick<Row, "entries">, pick: (entry: BillLine) => string): string {
  const sums = new Map<string, number>();
  for (const entry of row.entries) sums.set(pick(entry), (sums.get(pick(entry)) ?? 0) + entry.cost_nanos);
  return [...sums].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "";
}

/** How the line of a row that is about what created work is known: by all, some or none of its cost. */
export function levelOf(row: Row): "created" | "submitted" | "both" {
  const submitted = row.entries.filter((entry) => entry.origin_level === "submitted").length;
  if (submitted === 0) return "created";
  return submitted === row.entries.length ? "submitted" : "both";
}

/** Lines that asked for exactly the same work as a row's. */
export function sharedWith(row: Row): string[] {
  return [...new Set(row.entries.flatMap((entry) => entry.shared_with ?? []))].sort();
}

/** What some rows cost together, as displayed. */
export function sumOf(rows: readonly { shown: number; share: number }[]): { shown: number; share: number } {
  return { shown: sum(rows.map((row) => row.shown)), share: sum(rows.map((row) => row.share)) };
}

/** One part of the split of the total by what it was spent on. */
export interface SplitPart {
  look: Kind | RestLook;
  nanos: number;
  shown: number;
  share: number;
}

/** The total by kind of work and by kind of what is not work; the parts add up to what the bill shows. */
export function split(view: BillView): SplitPart[] {
  const kinds = kindsOf(view.rows.flatMap((row) => row.entries));
  const work: readonly Row[] = fitted(
    kinds.map(({ kind, nanos }) => ({ ...EMPTY, key: kind, nanos })),
    view.rowsShown,
    view.rowsShare,
    view.decimals,
  );
  const parts = new Map<SplitPart["look"], SplitPart>();
  for (const { key, nanos, shown, share } of work) parts.set(key as Kind, { look: key as Kind, nanos, shown, share });
  for (const row of view.rest) {
    const { look } = row.words;
    const part = parts.get(look) ?? { look, nanos: 0, shown: 0, share: 0 };
    parts.set(look, {
      look,
      nanos: part.nanos + row.nanos,
      shown: part.shown + row.shown,
      share: part.share + row.share,
    });
  }
  const order: readonly SplitPart["look"][] = [...KINDS, ...LOOKS];
  return order.flatMap((look) => parts.get(look) ?? []).filter((part) => part.shown > 0 || part.share > 0);
}

/** What each line of one file cost, for the gutter beside its source; of a bill whose rows are lines. */
export function gutter(view: BillView, file: string): Map<number, Row> {
  return new Map(
    view.rows.flatMap((row) => (row.about.type === "line" && row.about.file === file ? [[row.about.line, row]] : [])),
  );
}

/** The files of a bill whose rows are lines, dearest first. */
export function filesOf(view: BillView): { file: string; shown: number; lines: number }[] {
  const files = new Map<string, { file: string; nanos: number; shown: number; lines: number }>();
  for (const { about, nanos, shown } of view.rows) {
    if (about.type !== "line" || !about.file) continue;
    const entry = files.get(about.file) ?? { file: about.file, nanos: 0, shown: 0, lines: 0 };
    files.set(about.file, {
      ...entry,
      nanos: entry.nanos + nanos,
      shown: entry.shown + shown,
      lines: entry.lines + 1,
    });
  }
  return [...files.values()].sort((a, b) => b.nanos - a.nanos || a.file.localeCompare(b.file));
}

/** How much of the work stands on the line that created it, on the one that submitted it, and on none: shares that add up to 1. */
export function originShares(bill: Bill): { created: number; submitted: number; none: number } | undefined {
  if (!(bill.work_seconds > 0)) return undefined;
  const submitted = sum(
    bill.lines
      .filter((line) => line.origin_level === "submitted")
      .map((line) => line.thread_seconds + line.native_seconds),
  );
  const none = Math.max(0, bill.work_seconds - bill.origin_seconds - submitted);
  const [createdShare = 0, submittedShare = 0, noneShare = 0] = shares([bill.origin_seconds, submitted, none]);
  return { created: createdShare, submitted: submittedShare, none: noneShare };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
