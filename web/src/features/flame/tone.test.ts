import { describe, expect, it } from "vitest";
import type { Branch } from "#/features/flame/branch";
import { more } from "#/features/flame/branch";
import { costsIn, toneOf } from "#/features/flame/tone";

function branch(id: string, nanos: number, children: Branch[] = []): Branch {
  const sum = children.reduce((all, child) => all + child.nanos, nanos);
  return { id, names: [id], look: "code", nanos: sum, shown: sum, children, words: id };
}

describe("the tone of a change", () => {
  it("says which way and how much, and is none for what hardly changed", () => {
    const tones = (
      [
        [0, 5],
        [100, 101],
        [100, 110],
        [100, 150],
        [100, 500],
        [100, 90],
        [100, 60],
        [100, 1],
        [100, 0],
        [0, 0],
      ] as const
    ).map(([from, to]) => toneOf({ from, to }));
    expect(tones).toEqual([
      { way: "new" },
      { way: "same" },
      { way: "up", step: 1 },
      { way: "up", step: 2 },
      { way: "up", step: 3 },
      { way: "down", step: 1 },
      { way: "down", step: 2 },
      { way: "down", step: 3 },
      { way: "down", step: 3 },
      { way: "same" },
    ]);
  });
});

describe("what branches cost before", () => {
  it("is found by their ids, and summed for boxes that stand for many", () => {
    const now = branch("all", 0, [branch("a", 5), branch("b", 7), branch("c", 1)]);
    const both = costsIn(branch("all", 0, [branch("a", 2), branch("c", 4), branch("gone", 9)]));
    expect(both(now)).toEqual({ from: 15, to: 13 });
    expect(now.children.map(both)).toEqual([
      { from: 2, to: 5 },
      { from: 0, to: 7 },
      { from: 4, to: 1 },
    ]);
    expect(both(more(now, 0, 3))).toEqual({ from: 6, to: 13 });
  });
});
