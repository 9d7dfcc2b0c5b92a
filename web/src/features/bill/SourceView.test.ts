import { expect, it } from "vitest";
import { gapsOf } from "#/features/bill/SourceView";

it("folds only long runs of empty lines", () => {
  const lines = (text: string) => [...text].map((letter) => letter === ".");
  expect(gapsOf(lines("x..x......x"))).toEqual(new Map());
  expect([...gapsOf(lines(".......x..x........"))].filter(([, length]) => length > 0)).toEqual([
    [0, 7],
    [11, 8],
  ]);
  expect(gapsOf(lines("x.......")).get(7)).toBe(0);
  expect(gapsOf([])).toEqual(new Map());
  expect([...gapsOf(lines("x.x..x"), 0)].filter(([, length]) => length > 0)).toEqual([
    [1, 1],
    [3, 2],
  ]);
});
