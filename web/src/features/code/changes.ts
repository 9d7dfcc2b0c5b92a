import { type BillView, mainKind, type Row } from "#/features/bill/view";
import { isCell } from "#/lib/files";
import { fitTo, unitOf } from "#/lib/money";
import type { Kind, RestLook } from "#/lib/work";

/** What a line, or a kind of money on no line, cost in two bills. */
export interface Change {
  key: string;
  look: Kind | RestLook;
  /** The line, where the change is one's: in the bill that is compared, or in the other if it is in that alone. */
  place: { file: string; line: number } | undefined;
  /** Whether that line is in the bill that is compared, so that it can be chosen. */
  here: boolean;
  from: number;
  to: number;
  /** By how much it changed. */
  nanos: number;
  /** The change as displayed: all of them add up to the displayed change of the total. */
  shown: number;
}

/** Two bills side by side. */
export interface Changes {
  rows: Change[];
  /** The smaller changes as one, of so many rows. */
  others: { count: number; nanos: number; shown: number };
  total: { from: number; to: number; shown: number };
}

/** Rows that stand for themselves. */
const MOST_ROWS = 12;

/**
 * Compares a bill with another one. A line is the same where its file and its text are, wherever in the file it stands now; one whose
 * text changed is a new one. Of both bills whose rows are lines.
 */
export function changesOf(now: BillView, then: BillView): Changes {
  const files = sameFiles(now, then);
  const found = new Map<string, Change>();
  const add = (side: "from" | "to", key: string, nanos: number, look: Change["look"], place: Change["place"]) => {
    const old = found.get(key) ?? { key, look, place, here: false, from: 0, to: 0, nanos: 0, shown: 0 };
    const next = side === "to" ? { ...old, look, place, here: true } : old;
    found.set(key, { ...next, [side]: old[side] + nanos });
  };
  for (const [side, view] of [
    ["from", then],
    ["to", now],
  ] as const) {
    const identity = (file: string) => (side === "from" ? (files.get(file) ?? file) : file);
    for (const { key, row } of identified(view.rows, identity)) {
      const { about } = row;
      const place = about.type === "line" ? { file: about.file, line: about.line } : undefined;
      add(side, key, row.nanos, mainKind(row), place);
    }
    for (const row of view.rest) add(side, `rest ${row.words.look}`, row.nanos, row.words.look, undefined);
  }
  const all = [...found.values()]
    .map((row) => ({ ...row, nanos: row.to - row.from }))
    .sort((a, b) => Math.abs(b.nanos) - Math.abs(a.nanos) || a.key.localeCompare(b.key));
  const unit = unitOf(now.decimals);
  // What the amounts cannot show is not worth a row.
  const first = all.slice(0, MOST_ROWS).filter((row) => Math.abs(row.nanos) >= unit);
  const rest = all.slice(first.length);
  const others = sum(rest.map((row) => row.nanos));
  const rounded = (nanos: number) => Math.round(nanos / unit) * unit;
  const total = { from: rounded(then.total), to: rounded(now.total), shown: rounded(now.total) - rounded(then.total) };
  const amounts = fitTo([...first.map((row) => row.nanos), others], unit, total.shown);
  return {
    rows: first
      .map((row, index) => ({ ...row, shown: amounts[index] ?? 0 }))
      .sort((a, b) => b.nanos - a.nanos || a.key.localeCompare(b.key)),
    others: { count: rest.length, nanos: others, shown: amounts[first.length] ?? 0 },
    total,
  };
}

/**
 * Another bill with its lines where they stand in this one, so that trees of both have the same branches. What is gone keeps its file, on a
 * line that there cannot be.
 */
export function aligned(now: BillView, then: BillView): BillView {
  const files = sameFiles(now, then);
  const identity = (file: string) => files.get(file) ?? file;
  const here = new Map(identified(now.rows, (file) => file).map(({ key, row }) => [key, row]));
  const rows = identified(then.rows, identity).map(({ key, row }): Row => {
    const same = here.get(key);
    if (row.about.type !== "line" || same?.about.type === "line") return same ? { ...row, about: same.about } : row;
    return { ...row, about: { ...row.about, file: identity(row.about.file), line: -row.about.line } };
  });
  return { ...then, rows };
}

/** Rows with what makes each the same line in another bill; lines of the same text are told apart by their order. */
function identified(rows: readonly Row[], identity: (file: string) => string): { key: string; row: Row }[] {
  const seen = new Map<string, number>();
  return [...rows]
    .sort((a, b) => lineOf(a) - lineOf(b) || a.key.localeCompare(b.key))
    .map((row) => {
      const { about } = row;
      if (about.type !== "line") return { key: row.key, row };
      // A cell that is edited anywhere is another cell: only the text of its lines tells that they are the same.
      const file = isCell(about.file) ? "cell" : identity(about.file);
      const text = about.text.trim();
      const base = text ? `${file}\n${text}` : `${file}:${about.line}`;
      const nth = seen.get(base) ?? 0;
      seen.set(base, nth + 1);
      return { key: `${base}\n${nth}`, row };
    });
}

/** Files of the other bill by what they are called in this one: by path, or by name where only one on each side has it. */
function sameFiles(now: BillView, then: BillView): Map<string, string> {
  const ours = filesIn(now);
  const theirs = filesIn(then);
  const left = [...ours].filter((file) => !theirs.has(file));
  const right = [...theirs].filter((file) => !ours.has(file));
  const pairs = new Map<string, string>();
  for (const file of right) {
    const same = left.filter((other) => baseName(other) === baseName(file));
    const rivals = right.filter((other) => baseName(other) === baseName(file));
    const [only] = same;
    if (only !== undefined && same.length === 1 && rivals.length === 1) pairs.set(file, only);
  }
  return pairs;
}

function filesIn(view: BillView): Set<string> {
  return new Set(view.rows.flatMap(({ about }) => (about.type === "line" && !isCell(about.file) ? [about.file] : [])));
}

const baseName = (file: string) => file.split(/[\\/]/).at(-1) ?? file;
const lineOf = ({ about }: Row) => (about.type === "line" ? about.line : 0);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
