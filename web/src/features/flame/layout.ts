import { type Branch, isWork, more, pathTo } from "#/features/flame/branch";

/** A branch with its place: its level, and the money to its left and up to its right edge. */
export interface Box {
  branch: Branch;
  depth: number;
  /** Nano-units of the branch that fills the width. */
  from: number;
  to: number;
}

/** Boxes of a picture whose width stands for one branch. */
export interface Layout {
  boxes: Box[];
  /** From the whole to what fills the width. */
  path: Branch[];
  /** What the width stands for, in nano-units. */
  span: number;
  levels: number;
}

/**
 * Lays a branch out over the width, below all that it is inside of. The boxes below one box fill it exactly; neighbours that cost less
 * than `least` each become one. A branch that is not there is the whole.
 */
export function layout(root: Branch, zoom: string | undefined, least: number): Layout {
  const path = (zoom === undefined ? undefined : pathTo(root, zoom)) ?? [root];
  const focus = path.at(-1) ?? root;
  const boxes: Box[] = path.map((branch, depth) => ({ branch, depth, from: 0, to: focus.nanos }));
  const place = (parent: Branch, depth: number, from: number) => {
    let at = from;
    for (const branch of merged(parent, least, parent === focus)) {
      const to = at + branch.nanos;
      boxes.push({ branch, depth, from: at, to });
      // What stands for many is opened before what is in it is shown.
      if (!branch.id.startsWith(`${parent.id}~`)) place(branch, depth + 1, at);
      at = to;
    }
  };
  place(focus, path.length, 0);
  return { boxes, path, span: focus.nanos, levels: 1 + Math.max(...boxes.map((box) => box.depth)) };
}

/** Most parts that one box stands for: so many can be told apart once it fills the width. */
const MOST_MERGED = 100;

/** What is in a branch and costs anything; runs of narrow neighbours as one, work apart from what is not. */
function merged(parent: Branch, least: number, whole: boolean): Branch[] {
  const found: Branch[] = [];
  const { children } = parent;
  for (let at = 0; at < children.length; ) {
    const end = runEnd(children, at, least);
    // Merging all that fills the width would show nothing of it.
    const alone = end - at === 1 || (whole && end - at === children.length);
    const branches = alone ? children.slice(at, end) : [more(parent, at, end)];
    found.push(...branches.filter((branch) => branch.nanos > 0));
    at = end;
  }
  return found;
}

/** Where the run of narrow neighbours ends that begins here; a box wide enough is a run of its own. */
function runEnd(children: readonly Branch[], at: number, least: number): number {
  const [first] = children.slice(at, at + 1);
  let end = at + 1;
  if (!first || first.nanos >= least) return end;
  for (let next = children[end]; next && end - at < MOST_MERGED; next = children[end]) {
    if (next.nanos >= least || isWork(next.look) !== isWork(first.look)) break;
    end += 1;
  }
  return end;
}

/** The box at a level and a point of the width, a share of it. */
export function boxAt({ boxes, span }: Layout, depth: number, share: number): Box | undefined {
  const nanos = share * span;
  return boxes.find((box) => box.depth === depth && box.from <= nanos && nanos < box.to);
}

export type Step = "left" | "right" | "up" | "down" | "first" | "last";

/** The keys that lead from box to box. */
export const STEPS: Readonly<Record<string, Step>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  Home: "first",
  End: "last",
};

/** The box that a step leads to: beside it on its level, the one it is in, or the first in it. It stays where there is none. */
export function stepFrom({ boxes }: Layout, from: Box, step: Step): Box {
  const level = (depth: number) => boxes.filter((box) => box.depth === depth).sort((a, b) => a.from - b.from);
  const here = level(from.depth);
  const index = here.findIndex((box) => box.branch.id === from.branch.id);
  switch (step) {
    case "left":
      return here[index - 1] ?? from;
    case "right":
      return here[index + 1] ?? from;
    case "first":
      return here[0] ?? from;
    case "last":
      return here.at(-1) ?? from;
    case "up":
      return level(from.depth - 1).find((box) => box.from <= from.from && from.to <= box.to) ?? from;
    case "down":
      return level(from.depth + 1).find((box) => from.from <= box.from && box.to <= from.to) ?? from;
  }
}

/**
 * The most that fits of a label: a name with its amount, a shorter one, the name alone, the amount alone, the beginning of the name.
 * Nothing where not even that would tell anything.
 */
export function labelFor(
  names: readonly string[],
  amount: string,
  width: number,
  measure: (text: string) => number,
): string {
  const shortest = names.at(-1) ?? "";
  const whole = [...names.map((name) => `${name}  ${amount}`), ...names, amount].find((text) => measure(text) <= width);
  if (whole !== undefined) return whole;
  for (let letters = shortest.length - 1; letters >= FEWEST_LETTERS; letters -= 1) {
    const text = `${shortest.slice(0, letters)}…`;
    if (measure(text) <= width) return text;
  }
  return "";
}

/** Letters of a name that still tell something. */
const FEWEST_LETTERS = 3;
