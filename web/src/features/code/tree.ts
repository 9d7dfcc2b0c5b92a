import type { BillLine } from "#/api/schema";
import { type BillView, mainKind, type RestRow, type Row } from "#/features/bill/view";
import type { Branch } from "#/features/flame/branch";
import { fitTo, unitOf } from "#/lib/money";
import { kindOf, operationWords, type RestLook } from "#/lib/work";

/** Names of kinds of money on no line that hold several reasons each. */
const GROUPS: Partial<Record<RestLook, string>> = { idle: "Idle", over: "Overhead", lost: "Lost with a worker" };

/** Stands for a function that is not known. */
const NO_FUNCTION = "module";

/**
 * The money of a bill as a tree: file, function, line, kind of work, and the line inside of it where threads stood; beside the files
 * what is on no line, by reason. Of a bill whose rows are lines. Displayed amounts are those of the bill, so that they agree with its table.
 */
export function treeOf(view: BillView, names: Map<string, string>, whole: string): Branch {
  const files = grouped(view.rows, ({ about }) => (about.type === "line" ? about.file : "")).map(([file, rows]) =>
    fileBranch(view, names, file, rows),
  );
  return above({ id: WHOLE, names: [whole], look: "root", words: "" }, [...files.sort(dearest), ...restOf(view)]);
}

/** The id of all the money. */
export const WHOLE = "all";

/** What is on no line, by what it is, and within that by reason. */
export function restOf(view: BillView): Branch[] {
  return grouped(view.rest, (row) => row.words.look).map(([look, rows]) => restBranch(look as RestLook, rows));
}

function fileBranch(view: BillView, names: Map<string, string>, file: string, rows: readonly Row[]): Branch {
  const name = names.get(file) ?? file;
  const functions = grouped(rows, ({ about }) => (about.type === "line" ? about.function : "")).map(
    ([title, lines]): Branch => {
      const called = title === "" || title === "<module>" ? NO_FUNCTION : `${title}()`;
      const inside = lines.map((row) => lineBranch(view, names, name, row)).sort(dearest);
      const about = { id: `${file}#${title}`, names: [called], look: "code", words: title.toLowerCase() } as const;
      return above({ ...about, place: { file } }, inside);
    },
  );
  const words = `${name} ${file}`.toLowerCase();
  const base = name.split("/").at(-1) ?? name;
  const called = base === name ? [name] : [name, base];
  return above({ id: file, names: called, look: "code", words, place: { file } }, functions.sort(dearest));
}

function lineBranch(view: BillView, names: Map<string, string>, fileName: string, row: Row): Branch {
  const { about } = row;
  if (about.type !== "line") throw new Error("a tree of code is made of lines");
  const place = { file: about.file, line: about.line };
  const id = `${about.file}:${about.line}`;
  const spot = `${fileName}:${about.line}`;
  const call = callOf(about.text) ?? operationWords(row.entries[0]?.operation ?? "");
  const inside: Inside = { view, names, id, place };
  return {
    id,
    names: [`${spot} ${call}`, spot, `:${about.line}`],
    look: mainKind(row),
    nanos: row.nanos,
    shown: row.shown,
    children: parts(row.entries, (entry) => entry.operation, row.shown, view.decimals).map((part) =>
      operationBranch(inside, part),
    ),
    words: `${spot} ${about.text}`.toLowerCase(),
    place,
  };
}

/** The line that something is inside of. */
interface Inside {
  view: BillView;
  names: Map<string, string>;
  id: string;
  place: { file: string; line: number };
}

function operationBranch(inside: Inside, { key: operation, entries, nanos, shown }: EntryPart): Branch {
  const title = operationWords(operation);
  const look = kindOf(operation);
  const id = `${inside.id}!${operation}`;
  const leaves = parts(
    entries,
    (entry) => {
      const { file, line } = otherLine(inside.view, entry);
      return `${file}:${line}`;
    },
    shown,
    inside.view.decimals,
  );
  // A line whose work ran on itself says nothing new.
  const same = leaves.length === 1 && leaves[0]?.key === inside.id;
  return {
    id,
    names: [title],
    look,
    nanos,
    shown,
    children: same ? [] : leaves.map((leaf) => leafBranch(inside, id, operation, leaf)),
    words: `${title} ${operation}`.toLowerCase(),
    place: inside.place,
    operation,
  };
}

function leafBranch(inside: Inside, parentId: string, operation: string, { key, entries, nanos, shown }: EntryPart) {
  const [first] = entries;
  const other = first ? otherLine(inside.view, first) : { ...inside.place, text: "" };
  const where = `${inside.names.get(other.file) ?? other.file}:${other.line}`;
  const libraries = [...new Set(entries.map((entry) => entry.library).filter(Boolean))].join(" ");
  return {
    id: `${parentId}!${key}`,
    names: [...(libraries ? [`${where} ${libraries}`] : []), where, `:${other.line}`],
    look: kindOf(operation),
    nanos,
    shown,
    children: [],
    words: `${where} ${libraries} ${other.text}`.toLowerCase(),
    place: inside.place,
    operation,
  };
}

/** Of an entry's two lines, the one that the tree is not made of. */
function otherLine(view: BillView, entry: BillLine): { file: string; line: number; text: string } {
  return view.by === "line" && entry.origin_file
    ? { file: entry.origin_file, line: entry.origin_line, text: entry.origin_text }
    : entry;
}

/** Entries of a bill that have something in common, with their displayed sum. */
interface EntryPart {
  key: string;
  entries: readonly BillLine[];
  nanos: number;
  shown: number;
}

/** Entries by what they have in common, dearest first, displayed so that they add up to what is displayed above them. */
function parts(
  entries: readonly BillLine[],
  keyOf: (entry: BillLine) => string,
  shown: number,
  decimals: number,
): EntryPart[] {
  const groups = grouped(entries, keyOf)
    .map(([key, group]) => ({ key, entries: group, nanos: sum(group.map((entry) => entry.cost_nanos)), shown }))
    .sort((a, b) => b.nanos - a.nanos || a.key.localeCompare(b.key));
  if (groups.length === 1) return groups;
  const amounts = fitTo(
    groups.map((group) => group.nanos),
    unitOf(decimals),
    shown,
  );
  for (const [index, group] of groups.entries()) group.shown = amounts[index] ?? 0;
  return groups;
}

function restBranch(look: RestLook, rows: readonly RestRow[]): Branch {
  const reasons = rows.map((row): Branch => {
    const short = row.words.name.replace(/^Idle, (.)/, (_, letter: string) => letter.toUpperCase());
    return {
      id: `rest:${row.name}`,
      names: [short],
      look,
      nanos: row.nanos,
      shown: row.shown,
      children: [],
      words: row.words.name.toLowerCase(),
    };
  });
  const [only] = reasons;
  if (only && reasons.length === 1) return { ...only, names: [rows[0]?.words.name ?? ""] };
  const name = GROUPS[look] ?? rows[0]?.words.name ?? "";
  return above({ id: `rest:${look}`, names: [name], look, words: name.toLowerCase() }, reasons);
}

/** The last words of the first call on a line: "dd.read_csv"; undefined where nothing is called. */
export function callOf(text: string): string | undefined {
  const called = /([A-Za-z_][\w.]*)\s*\(/.exec(text)?.[1];
  return called?.split(".").slice(-2).join(".");
}

/** The branches that stand for what was chosen: an operation wherever it is, or else a line. */
export function chosenIn(root: Branch, file: string | undefined, line: number | undefined, op: string | undefined) {
  const ids = new Set<string>();
  const look = (branch: Branch) => {
    const isOperation = op !== undefined && branch.operation === op && branch.id.endsWith(`!${op}`);
    const isLine = op === undefined && line !== undefined && branch.id === `${file}:${line}`;
    if (isOperation || isLine) ids.add(branch.id);
    for (const child of branch.children) look(child);
  };
  look(root);
  return ids;
}

/** A branch that is nothing but its parts. */
function above(about: Omit<Branch, "nanos" | "shown" | "children">, children: readonly Branch[]): Branch {
  return {
    ...about,
    nanos: sum(children.map((child) => child.nanos)),
    shown: sum(children.map((child) => child.shown)),
    children,
  };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups];
}

const dearest = (a: Branch, b: Branch) => b.nanos - a.nanos || a.id.localeCompare(b.id);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
