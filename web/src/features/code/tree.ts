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
      const parts = lines.map((row) => lineBranch(view, names, name, row)).sort(dearest);
      const about = { id: `${file}#${title}`, names: [called], look: "code", words: title.toLowerCase() } as const;
      return above({ ...about, place: { file } }, parts);
    },
  );
  const words = `${name} ${file}`.toLowerCase();
  return above({ id: file, names: [name], look: "code", words, place: { file } }, functions.sort(dearest));
}

function lineBranch(view: BillView, names: Map<string, string>, fileName: string, row: Row): Branch {
  const { about } = row;
  if (about.type !== "line") throw new Error("a tree of code is made of lines");
  const place = { file: about.file, line: about.line };
  const id = `${about.file}:${about.line}`;
  const spot = `${fileName}:${about.line}`;
  const call = callOf(about.text) ?? operationWords(row.entries[0]?.operation ?? "");
  const operations = grouped(row.entries, (entry) => entry.operation);
  const children = fittedTo(
    row.shown,
    view.decimals,
    operations
      .map(([operation, entries]) => operationBranch(names, id, place, operation, entries))
      .sort(dearest)
      .map((branch) => ({ ...branch, place })),
  ).map((branch) => ({ ...branch, children: fittedTo(branch.shown, view.decimals, branch.children) }));
  return {
    id,
    names: [`${spot} ${call}`, spot, `:${about.line}`],
    look: mainKind(row),
    nanos: row.nanos,
    shown: row.shown,
    children,
    words: `${spot} ${about.text}`.toLowerCase(),
    place,
  };

  function operationBranch(
    shortNames: Map<string, string>,
    lineId: string,
    at: { file: string; line: number },
    operation: string,
    entries: readonly BillLine[],
  ): Branch {
    const title = operationWords(operation);
    const look = kindOf(operation);
    const operationId = `${lineId}!${operation}`;
    const side = (entry: BillLine) =>
      view.by === "line" && entry.origin_file
        ? { file: entry.origin_file, line: entry.origin_line, text: entry.origin_text }
        : { file: entry.file, line: entry.line, text: entry.text };
    const leaves = grouped(entries, (entry) => `${side(entry).file}:${side(entry).line}`).map(
      ([key, group]): Branch => {
        const [first] = group;
        const stood = first ? side(first) : { ...at, text: "" };
        const where = `${shortNames.get(stood.file) ?? stood.file}:${stood.line}`;
        const libraries = [...new Set(group.map((entry) => entry.library).filter(Boolean))];
        return {
          id: `${operationId}!${key}`,
          names: [[where, ...libraries].join(" "), where, `:${stood.line}`],
          look,
          nanos: sum(group.map((entry) => entry.cost_nanos)),
          shown: 0,
          children: [],
          words: `${where} ${libraries.join(" ")} ${stood.text}`.toLowerCase(),
          place: at,
          operation,
        };
      },
    );
    // A line whose work ran on itself says nothing new.
    const same = leaves.length === 1 && leaves[0]?.id === `${operationId}!${lineId}`;
    return {
      ...above({ id: operationId, names: [title], look, words: `${title} ${operation}`.toLowerCase() }, leaves),
      children: same ? [] : leaves.sort(dearest),
      operation,
    };
  }
}

function restBranch(look: RestLook, rows: readonly RestRow[]): Branch {
  const parts = rows.map((row): Branch => {
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
  const [only] = parts;
  if (only && parts.length === 1) return { ...only, names: [rows[0]?.words.name ?? ""] };
  const name = GROUPS[look] ?? rows[0]?.words.name ?? "";
  return above({ id: `rest:${look}`, names: [name], look, words: name.toLowerCase() }, parts);
}

/** The last words of the first call on a line: "dd.read_csv"; undefined where nothing is called. */
export function callOf(text: string): string | undefined {
  const called = /([A-Za-z_][\w.]*)\s*\(/.exec(text)?.[1];
  return called?.split(".").slice(-2).join(".");
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

/** Branches displayed so that they add up to what is displayed above them. */
function fittedTo(shown: number, decimals: number, branches: readonly Branch[]): Branch[] {
  const amounts = fitTo(
    branches.map((branch) => branch.nanos),
    unitOf(decimals),
    shown,
  );
  return branches.map((branch, index) => ({ ...branch, shown: amounts[index] ?? 0 }));
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
