import { KINDS, type Kind, type RestLook } from "#/lib/work";

/** How a box is drawn: work is solid, what is not work is a pattern, code that holds both is plain. */
export type Look = Kind | RestLook | "root" | "code" | "more";

/** A part of the money, and the parts it is made of: these add up to it exactly, in nano-units and as displayed. */
export interface Branch {
  /** Stays the same from one reading of the bill to the next, and names the branch in the address. */
  id: string;
  /** What it is called, from the longest name to the shortest. */
  names: readonly string[];
  look: Look;
  nanos: number;
  /** The amount as displayed. */
  shown: number;
  children: readonly Branch[];
  /** What it can be found by, in lower case. */
  words: string;
  /** The line of code it is about or inside of; of a file or function, only the file. */
  place?: { file: string; line?: number };
  operation?: string;
}

/** Whether a look is that of code or work, rather than of money that did none. */
export function isWork(look: Look): boolean {
  return look === "root" || look === "code" || (KINDS as readonly Look[]).includes(look);
}

/** Some neighbouring parts of a branch, too narrow to stand for themselves, as one. */
export function more(parent: Branch, start: number, end: number): Branch {
  const children = parent.children.slice(start, end);
  return {
    id: `${parent.id}~${start}-${end}`,
    names: [`${children.length} more`, `+${children.length}`],
    look: lookOf(children),
    nanos: children.reduce((sum, child) => sum + child.nanos, 0),
    shown: children.reduce((sum, child) => sum + child.shown, 0),
    children,
    words: "",
  };
}

/**
 * The look of many as one: work looks like the kind that most of its money went to, as lines do. What is not work is never taken for
 * something else that is not: mixed, it has a look of its own.
 */
function lookOf(branches: readonly Branch[]): Look {
  const sums = new Map<Look, number>();
  for (const { look, nanos } of branches) sums.set(look, (sums.get(look) ?? 0) + nanos);
  const [first, ...others] = [...sums].sort(([, a], [, b]) => b - a);
  return first && (others.length === 0 || isWork(first[0])) ? first[0] : "more";
}

/** The way from the whole to a branch, both included; undefined where there is no such branch. */
export function pathTo(root: Branch, id: string): Branch[] | undefined {
  const path = walk(root, id);
  if (path) return path;
  const [, parentId, start, end] = /^(.*)~(\d+)-(\d+)$/s.exec(id) ?? [];
  if (parentId === undefined) return undefined;
  const parentPath = pathTo(root, parentId);
  const parent = parentPath?.at(-1);
  if (!parentPath || !parent || Number(start) >= Number(end) || Number(end) > parent.children.length) return undefined;
  return [...parentPath, more(parent, Number(start), Number(end))];
}

function walk(branch: Branch, id: string): Branch[] | undefined {
  if (branch.id === id) return [branch];
  for (const child of branch.children) {
    const path = walk(child, id);
    if (path) return [branch, ...path];
  }
  return undefined;
}

/** What a search found: the outermost branches that match, and what they cost together; nothing is counted twice. */
export interface Found {
  ids: ReadonlySet<string>;
  count: number;
  nanos: number;
}

/** Finds a text in the names of branches. What is inside a branch that matches is found with it. */
export function find(root: Branch, text: string): Found | undefined {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return undefined;
  const ids = new Set<string>();
  let count = 0;
  let nanos = 0;
  const look = (branch: Branch, inside: boolean) => {
    const matches = branch.words.includes(wanted);
    if (matches && !inside) {
      count += 1;
      nanos += branch.nanos;
    }
    if (matches || inside) ids.add(branch.id);
    for (const child of branch.children) look(child, inside || matches);
  };
  look(root, false);
  return { ids, count, nanos };
}
