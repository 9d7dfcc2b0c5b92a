import { describe, expect, it } from "vitest";
import { gutter, viewOf } from "#/features/bill/view";
import { filesNamed } from "#/features/clusters/files";
import { nextOf } from "#/features/code/keys";
import { loadedBill } from "#/features/code/loaded";
import { callOf, treeOf } from "#/features/code/tree";
import { type Branch, find, pathTo } from "#/features/flame/branch";
import { spread } from "#/lib/money";
import { bill, line } from "../../../tests/data";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function tree(given = bill()): Branch {
  const by = given.method === "sampled" ? "line" : "origin";
  return treeOf(viewOf(given, by), filesNamed(given, undefined, undefined), "backtest");
}

/** Whether every branch is its parts, exactly and as displayed, and has an id of its own. */
function adds(branch: Branch, ids = new Set<string>()): void {
  expect(ids.has(branch.id)).toBe(false);
  ids.add(branch.id);
  if (branch.children.length > 0) {
    expect(sum(branch.children.map((child) => child.nanos))).toBe(branch.nanos);
    expect(sum(branch.children.map((child) => child.shown))).toBe(branch.shown);
  }
  for (const child of branch.children) adds(child, ids);
}

function randomBill(seed: number) {
  let state = seed;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const lines = Array.from({ length: next(40) }, () =>
    line(1 + next(9), next(10 ** (1 + next(13))), "f(x)", "p", {
      file: `/home/ana/${"ab"[next(2)]}.py`,
      function: "fg"[next(2)] ?? "",
      origin_file: next(5) === 0 ? "" : `/home/ana/${"ac"[next(2)]}.py`,
      origin_line: 1 + next(5),
      origin_function: ["f", "g", "<module>", ""][next(4)] ?? "",
      operation: ["read.csv", "user", "join", "novel", ""][next(5)] ?? "",
      library: ["", "pandas"][next(2)] ?? "",
    }),
  );
  const categories = ["idle.no_work", "idle.paused", "overhead.dask", "lost.worker", "lost.telemetry", "unattributed"]
    .filter(() => next(3) > 0)
    .map((name) => ({ name, cost_nanos: next(10 ** (1 + next(13))), thread_seconds: 1 }));
  const unknown = next(10 ** 9);
  const total = sum([...lines, ...categories].map((part) => part.cost_nanos)) + unknown;
  const method = next(4) === 0 ? "sampled" : "agent";
  return bill({ lines, categories, unknown_nanos: unknown, total_nanos: total, method });
}

describe("the tree of a bill", () => {
  it("is file, function, line, operation and the line where threads stood; beside it what is on no line", () => {
    const root = tree();
    expect(root.children.map((child) => child.names[0])).toEqual([
      "flights.py",
      "cell 9f3c2a",
      "Idle",
      "Scheduler",
      "Lost with a worker",
      "Reports lost",
      "Unknown",
    ]);
    const path = pathTo(root, "/home/ana/flights.py:19!decompress!/home/ana/flights.py:31");
    expect(path?.map(({ names }) => names[0])).toEqual([
      "backtest",
      "flights.py",
      "main()",
      "flights.py:19 dd.read_csv",
      "Decompress",
      "flights.py:31 fsspec",
    ]);
    // Reading ran on the line that asked for it: nothing below it.
    expect(pathTo(root, "/home/ana/flights.py:19!read.csv")?.at(-1)?.children).toEqual([]);
    expect(
      pathTo(root, "rest:idle")
        ?.at(-1)
        ?.children.map(({ names }) => names[0]),
    ).toEqual(["Nothing submitted", "Waiting for data"]);
  });

  it("is the bill, exactly and as displayed, whatever the bill; its lines agree with the gutter", () => {
    for (let seed = 0; seed <= 60; seed += 1) {
      const given = seed === 0 ? bill() : randomBill(seed);
      const root = tree(given);
      expect(root.nanos).toBe(given.total_nanos);
      adds(root);
      const view = viewOf(given, given.method === "sampled" ? "line" : "origin");
      for (const row of gutter(view, "/home/ana/a.py").values()) {
        const branch = row.about.type === "line" ? pathTo(root, `/home/ana/a.py:${row.about.line}`)?.at(-1) : undefined;
        expect([branch?.nanos, branch?.shown]).toEqual([row.nanos, row.shown]);
      }
    }
  });

  it("is searched by file, function, text of a line, operation and reason", () => {
    const root = tree();
    expect(find(root, "wind_class")?.nanos).toBe(2_112_421);
    expect(find(root, "load")?.nanos).toBe(2_112_421);
    expect(find(root, "decompress")?.nanos).toBe(1_412_333);
    expect(find(root, "flights.py")?.nanos).toBe(9_524_754);
    expect(find(root, "nothing submitted")?.nanos).toBe(3_900_211);
  });

  it("names a line by its call", () => {
    expect(callOf("df = dd.read_csv(path)")).toBe("dd.read_csv");
    expect(callOf("out = a.b.c.groupby(keys).agg(x)")).toBe("c.groupby");
    expect(callOf("x = y + 1")).toBeUndefined();
  });
});

describe("idle loaded onto lines", () => {
  it("keeps the total, in proportion to cost, and leaves what may be anyone's apart", () => {
    const given = bill();
    const loaded = loadedBill(given);
    expect(loaded.categories.map(({ name }) => name)).toEqual(["lost.telemetry"]);
    expect(loaded.unknown_nanos).toBe(given.unknown_nanos);
    const carried = 4_100_002 + 3_900_211 + 711_310 + 152_000;
    const busy = sum(given.lines.map((entry) => entry.cost_nanos));
    for (const [index, entry] of given.lines.entries()) {
      const more = (loaded.lines[index]?.cost_nanos ?? 0) - entry.cost_nanos;
      expect(Math.abs(more - (carried * entry.cost_nanos) / busy)).toBeLessThan(1);
    }
  });

  it("adds up to the same total, whatever the bill", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const given = randomBill(seed);
      const loaded = loadedBill(given);
      const parts = [...loaded.lines, ...loaded.categories].map((part) => part.cost_nanos);
      expect(sum(parts) + loaded.unknown_nanos).toBe(given.total_nanos);
      adds(tree(loaded));
    }
  });

  it("changes nothing where no line cost anything", () => {
    const given = bill({ lines: [] });
    expect(loadedBill(given)).toBe(given);
  });
});

describe("spread", () => {
  it("gives whole nano-units that add up, the largest remainders first", () => {
    expect(spread(10, [1, 1, 1])).toEqual([4, 3, 3]);
    expect(spread(2, [1, 5, 4])).toEqual([0, 1, 1]);
    expect(spread(7, [0, 0])).toEqual([0, 0]);
    // Amounts whose product no number holds exactly.
    const parts = spread(9_000_000_000_000_001, [8_000_000_000_000_003, 1, 8_000_000_000_000_003]);
    expect(sum(parts)).toBe(9_000_000_000_000_001);
    expect(parts).toEqual([4_500_000_000_000_000, 1, 4_500_000_000_000_000]);
  });
});

it("goes from line to line that costs money, around the end", () => {
  expect(nextOf([31, 5, 19], 5, 1)).toBe(19);
  expect(nextOf([31, 5, 19], 31, 1)).toBe(5);
  expect(nextOf([31, 5, 19], 19, -1)).toBe(5);
  expect(nextOf([31, 5, 19], 5, -1)).toBe(31);
  expect(nextOf([31, 5, 19], undefined, 1)).toBe(5);
  expect(nextOf([], 3, 1)).toBeUndefined();
});
