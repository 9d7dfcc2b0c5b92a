import type { Branch } from "#/features/flame/branch";

/** How a branch changed: which way, and how much of the larger of both amounts, in three steps. */
export type Tone = { way: "same" } | { way: "new" } | { way: "up" | "down"; step: 1 | 2 | 3 };

/** What a branch cost in both of two bills. */
export interface Both {
  from: number;
  to: number;
}

/** Changes below this share of the larger amount are none. */
const SAME = 0.02;
const STEPS = [0.15, 0.5] as const;

export function toneOf({ from, to }: Both): Tone {
  if (from <= 0 && to > 0) return { way: "new" };
  const share = (to - from) / Math.max(to, from, 1);
  const size = Math.abs(share);
  if (size < SAME) return { way: "same" };
  return { way: share > 0 ? "up" : "down", step: size < STEPS[0] ? 1 : size < STEPS[1] ? 2 : 3 };
}

/** What every branch of a tree cost in another tree with the same ids; boxes that stand for many are the sum of these. */
export function costsIn(then: Branch): (branch: Branch) => Both {
  const known = new Map<string, number>();
  const look = (branch: Branch) => {
    known.set(branch.id, (known.get(branch.id) ?? 0) + branch.nanos);
    for (const child of branch.children) look(child);
  };
  look(then);
  const from = (branch: Branch): number =>
    known.get(branch.id) ??
    (branch.id.includes("~") ? branch.children.reduce((sum, child) => sum + from(child), 0) : 0);
  return (branch) => ({ from: from(branch), to: branch.nanos });
}
