import { describe, expect, it } from "vitest";
import type { CostBreakdown } from "#/api/schema";
import { barsOf, dearestKeys, gridOf, stepFor, stepsFor, stepsOf } from "#/features/explore/overTime";
import { pivotOf } from "#/features/explore/pivot";
import { matching, ordered, usualOrder, viewOf } from "#/features/explore/rows";
import { lookOf, valueWords } from "#/features/explore/words";
import { unitOf } from "#/lib/money";
import { spanOf } from "#/lib/period";
import { spent } from "../../../tests/data";

function random(seed: number): CostBreakdown {
  let state = seed;
  const next = (below: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
  const rows = new Map<string, CostBreakdown["rows"][number]>();
  for (let at = 0; at < 1 + next(60); at += 1) {
    const keys = [`u${next(12)}`, ["read.csv", "idle.no_work", "groupby", "", "merge"][next(5)] ?? ""];
    rows.set(keys.join(), { keys, cost_nanos: next(10 ** (2 + next(12))), thread_seconds: next(100), cpu_seconds: 0 });
  }
  const sorted = [...rows.values()].sort((a, b) => b.cost_nanos - a.cost_nanos);
  const rest = next(2) === 0 ? { rest_rows: 1 + next(99), rest_nanos: next(1e9) } : { rest_rows: 0, rest_nanos: 0 };
  const total = sorted.reduce((sum, row) => sum + row.cost_nanos, rest.rest_nanos);
  return spent(["user", "operation"], sorted, { ...rest, total_nanos: total, all_nanos: total });
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);

describe("what is shown of an answer", () => {
  it("adds up as displayed, in rows and across, for any answer", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const answer = random(seed);
      const view = viewOf(answer);
      const unit = unitOf(view.decimals);
      const total = Math.round(answer.total_nanos / unit) * unit;
      expect(view.total.shown).toBe(total);
      expect(sum(view.rows.map((row) => row.shown)) + (view.rest?.shown ?? 0)).toBe(total);
      const pivot = pivotOf(view, false);
      for (const row of pivot.rows) {
        expect(sum(row.shown)).toBe(row.total);
        expect(sum(row.cells)).toBe(row.nanos);
      }
      expect(sum(pivot.rows.map((row) => row.total)) + (pivot.rest?.shown ?? 0)).toBe(total);
      expect(sum(pivot.sums) + (pivot.rest?.nanos ?? 0)).toBe(answer.total_nanos);
      expect(sum(pivot.sumsShown) + (pivot.rest?.shown ?? 0)).toBe(total);
    }
  });

  it("is found by words and by what they stand for, and ordered as asked", () => {
    const view = viewOf(
      spent(
        ["operation"],
        [
          { keys: ["read.csv"], cost_nanos: 3e9, thread_seconds: 5, cpu_seconds: 0 },
          { keys: ["idle.no_work"], cost_nanos: 2e9, thread_seconds: 9, cpu_seconds: 0 },
          { keys: [""], cost_nanos: 1e9, thread_seconds: 1, cpu_seconds: 0 },
        ],
      ),
    );
    const found = (text: string) => matching(view, text).map((row) => row.keys[0]);
    expect(found("nothing submitted")).toEqual(["idle.no_work"]);
    expect(found("READ.")).toEqual(["read.csv"]);
    expect(found(" ")).toHaveLength(3);
    const by = (order: string) => ordered(view.rows, order).map((row) => row.keys[0]);
    expect(by("cost")).toEqual(["", "idle.no_work", "read.csv"]);
    expect(by("-time")).toEqual(["idle.no_work", "read.csv", ""]);
    expect(by("key0")).toEqual(["", "idle.no_work", "read.csv"]);
    expect([usualOrder(["day", "user"]), usualOrder(["user", "day"])]).toEqual(["key0", "-cost"]);
  });

  it("says what there is none of, and shortens what is long", () => {
    expect(valueWords("project", "", {})).toBe("no project");
    expect(valueWords("line", "/home/ana/jobs/load.py:14", {})).toBe("…/jobs/load.py:14");
    expect(valueWords("line", "cell:0123456789:3", {})).toBe("cell 012345:3");
    expect(valueWords("cluster", "cl_1", { cl_1: "nightly" })).toBe("nightly (cl_1)");
    expect(valueWords("day", "2026-11-19", {})).toBe("19 Nov 2026");
    expect(valueWords("hour", "2026-11-19T09:00+01:00", {})).toBe("19 Nov 2026 09:00");
    expect(valueWords("month", "2026-11", {})).toBe("Nov 2026");
    expect([lookOf("operation", "read.csv"), lookOf("operation", "idle.paused"), lookOf("user", "ana")]).toEqual([
      "read",
      "idle",
      undefined,
    ]);
  });
});

describe("files that end alike", () => {
  it("are told apart by more of their ends, the others keep their usual names", () => {
    const files = ["/srv/a/common/tables.py", "/srv/b/common/tables.py", "/srv/b/jobs/load.py", "common/tables.py", ""];
    const rows = files.map((file, at) => ({
      keys: [file && `${file}:${at + 1}`, "x"],
      cost_nanos: 1,
      thread_seconds: 0,
      cpu_seconds: 0,
    }));
    const view = viewOf(spent(["line", "user"], rows, { names: { cl_1: "nightly" } }));
    expect(view.rows.map(({ keys }) => valueWords("line", keys[0] ?? "", view.names))).toEqual([
      "…/a/common/tables.py:1",
      "…/b/common/tables.py:2",
      "…/jobs/load.py:3",
      "common/tables.py:4",
      "on no line",
    ]);
    expect(valueWords("file", files[0] ?? "", view.names)).toBe("…/a/common/tables.py");
    expect(valueWords("cluster", "cl_1", view.names)).toBe("nightly (cl_1)");
    expect(matching(view, "a/common")).toHaveLength(1);
  });
});

describe("money over time", () => {
  it("holds all of each step, whatever is named", () => {
    const steps = ["2026-11-18", "2026-11-19"];
    const totals = spent(
      ["day"],
      steps.map((day, at) => ({ keys: [day], cost_nanos: 100 + at, thread_seconds: 0, cpu_seconds: 0 })),
    );
    const parts = spent(
      ["day", "user"],
      [
        { keys: [steps[0] ?? "", "ana"], cost_nanos: 60, thread_seconds: 0, cpu_seconds: 0 },
        { keys: [steps[1] ?? "", "ana"], cost_nanos: 1, thread_seconds: 0, cpu_seconds: 0 },
        { keys: ["2026-11-20", "ana"], cost_nanos: 9, thread_seconds: 0, cpu_seconds: 0 },
      ],
    );
    const bars = barsOf(totals, parts, ["ana"], ["2026-11-17", ...steps]);
    expect(bars.series).toEqual([
      { key: "ana", nanos: 61, values: [0, 60, 1] },
      { key: undefined, nanos: 140, values: [0, 40, 100] },
    ]);
    expect(bars.highest).toBe(101);
  });

  it("names few series, and never one other alone", () => {
    const answer = (count: number, rest = 0) =>
      spent(
        ["user"],
        Array.from({ length: count }, (_, at) => ({
          keys: [`u${at}`],
          cost_nanos: 100 - at,
          thread_seconds: 0,
          cpu_seconds: 0,
        })),
        { rest_rows: rest },
      );
    expect(dearestKeys(answer(3))).toEqual(["u0", "u1", "u2"]);
    expect([answer(6), answer(6, 1), answer(7)].map((one) => dearestKeys(one).length)).toEqual([6, 5, 5]);
  });

  it("has a grid of round amounts that holds the highest bar", () => {
    for (let power = 0; power < 16; power += 1) {
      for (const factor of [1, 1.01, 2.6, 4.1, 9.99]) {
        const highest = factor * 10 ** power;
        const grid = gridOf(highest);
        expect(grid.length).toBeLessThanOrEqual(4);
        expect(grid.at(-1)).toBeGreaterThanOrEqual(highest * (1 - 1e-12));
        expect(grid.at(-1)).toBeLessThan(highest * 1.5);
      }
    }
    expect(gridOf(0)).toEqual([]);
  });

  it("has bars enough to see a course", () => {
    const span = (from: string, to: string) => stepFor({ from, to });
    expect([
      span("2026-11-19", "2026-11-19"),
      span("2026-11-01", "2026-11-30"),
      span("2026-08-01", "2026-11-30"),
      span("2026-01-01", "2026-12-31"),
    ]).toEqual(["hour", "day", "week", "month"]);
    expect(stepsFor({ from: "2026-11-01", to: "2026-11-30" })).toEqual(["day", "week", "month"]);
    expect(stepsFor({ from: "2024-01-01", to: "2026-11-30" })).toEqual(["week", "month"]);
  });

  it("has a place for every step, also where the clocks change", () => {
    const clock = { zone: "Europe/Oslo", now: new Date("2026-10-26T12:00:00Z") };
    const span = spanOf({ from: "2026-10-25", to: "2026-10-25" }, clock);
    const hours = stepsOf("hour", span, clock);
    expect([hours.length, hours[2], hours[3]]).toEqual([25, "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]);
    const week = spanOf({ period: "7d" }, clock);
    expect(stepsOf("day", week, clock)).toHaveLength(7);
    expect(stepsOf("week", week, clock)).toEqual(["2026-W43", "2026-W44"]);
    expect(stepsOf("month", spanOf({ period: "year" }, clock), clock)).toHaveLength(10);
  });
});
