import { describe, expect, it } from "vitest";
import { prefixesOf } from "#/features/bill/prefixes";
import { filesOf, gutter, split, viewOf } from "#/features/bill/view";
import { unitOf } from "#/lib/money";
import { bill, line } from "../../../tests/data";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("viewOf", () => {
  const view = viewOf(bill());

  it("puts the dearest line first, then idle, overhead, and unknown last", () => {
    expect(view.lines.map((row) => row.line.line)).toEqual([19, 13, 3]);
    expect(view.rest.map((row) => row.name)).toEqual([
      "idle.no_work",
      "idle.waiting_data",
      "overhead.scheduler",
      "unknown",
    ]);
  });

  it("shows parts that add up to the total, in every grouping", () => {
    const unit = unitOf(view.decimals);
    const total = Math.round(view.total / unit) * unit;
    expect(view.linesShown + sum(view.rest.map((row) => row.shown))).toBe(total);
    expect(sum(split(view).map((part) => part.shown))).toBe(total);
    expect(sum(filesOf(view).map((file) => file.shown))).toBe(view.linesShown);
    expect(sum([...view.lines, ...view.rest].map((row) => Math.round(row.share * 1000)))).toBe(1000);
  });

  it("shows three digits of a small total and cents of a large one", () => {
    expect(view.decimals).toBe(4);
    expect(viewOf(bill({ total_nanos: 50_010_000_000 })).decimals).toBe(2);
  });

  it("keeps unknown as a row of its own even at nothing", () => {
    const rest = viewOf(bill({ unknown_nanos: 0 })).rest;
    expect(rest.at(-1)).toMatchObject({ name: "unknown", shown: 0 });
  });

  it("copes with a bill of nothing", () => {
    const empty = viewOf(bill({ lines: [], categories: [], unknown_nanos: 0, total_nanos: 0 }));
    expect(empty.linesShown).toBe(0);
    expect(split(empty)).toEqual([]);
  });
});

describe("gutter", () => {
  it("adds the functions of one line and takes only its own file", () => {
    const view = viewOf(
      bill({
        lines: [
          line(5, 900, "f(x)", "read-csv"),
          { ...line(5, 100, "f(x)", "merge"), function: "inner" },
          line(5, 50, "g", "x", "/b.py"),
        ],
      }),
    );
    const entry = gutter(view, "/home/ana/flights.py").get(5);
    expect(entry).toMatchObject({ exact: 1000, kind: "read" });
    expect(entry?.rows).toHaveLength(2);
  });
});

describe("prefixesOf", () => {
  it("adds up to what the line shows, even where the line was rounded the other way", () => {
    const rows = viewOf(bill()).lines.slice(0, 1);
    const parts = prefixesOf(rows, 7_500_000, 100_000);
    expect(sum(parts.map((part) => part.shown))).toBe(7_500_000);
    expect(parts[0]?.prefix).toBe("read-csv");
  });
});
