import { expect, it } from "vitest";
import { found } from "#/features/logs/search";

it("finds lines, upper and lower case alike, and keeps all without a search", () => {
  expect(found("One\ntwo\nTWO three\n", "two")).toEqual(["two", "TWO three"]);
  expect(found("One\ntwo\n", "")).toEqual(["One", "two"]);
});
