import { expect, it } from "vitest";
import { categoryWords, kindOf, kindOfLine } from "#/lib/work";

it.each([
  ["read-csv", "read"],
  ["read_csv-fused-groupby", "read"],
  ["to-parquet", "write"],
  ["hash-join-p2p", "move"],
  ["shuffle-transfer", "move"],
  ["groupby-mean-chunk", "group"],
  ["dispatched_train", "train"],
  ["wind_class", "python"],
  ["", "python"],
])("takes %s for %s", (prefix, kind) => {
  expect(kindOf(prefix)).toBe(kind);
});

it("names a line after what most of its money went to", () => {
  const prefixes = [
    { prefix: "read-csv", cost_nanos: 40 },
    { prefix: "merge", cost_nanos: 35 },
    { prefix: "shuffle", cost_nanos: 25 },
  ];
  expect(kindOfLine(prefixes)).toBe("move");
  expect(kindOfLine([])).toBe("python");
});

it("has words for every reason, and for one it has never heard of", () => {
  expect(categoryWords("idle.no_work").name).toBe("Idle, nothing submitted");
  expect(categoryWords("idle.on_strike")).toMatchObject({ look: "idle", name: "Idle, on strike" });
  expect(categoryWords("overhead.network")).toMatchObject({ look: "over", name: "Overhead, network" });
  expect(categoryWords("novel").name).toBe("novel");
});
