import { describe, expect, it } from "vitest";
import { GROUPINGS } from "#/features/bill/grouping";
import {
  type BillView,
  DEPTH,
  filesOf,
  gutter,
  inside,
  levelOf,
  mainKind,
  originShares,
  type Row,
  rowAt,
  sharedWith,
  split,
  viewOf,
  viewsOf,
} from "#/features/bill/view";
import { matching, nameOf } from "#/features/bill/words";
import { unitOf } from "#/lib/money";
import { bill, line } from "../../../tests/data";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const shown = (rows: readonly { shown: number }[]) => sum(rows.map((row) => row.shown));
const tenths = (rows: readonly { share: number }[]) => sum(rows.map((row) => Math.round(row.share * 1000)));

/** Whether every level below a row adds up to it. */
function addsUp(view: BillView, row: Row, depth = 0): void {
  const parts = inside(view, row, depth);
  if (depth === DEPTH - 1) {
    expect(parts).toEqual([]);
    return;
  }
  expect(shown(parts)).toBe(row.shown);
  expect(tenths(parts)).toBe(Math.round(row.share * 1000));
  expect(sum(parts.map((part) => part.nanos))).toBe(row.nanos);
  for (const part of parts) addsUp(view, part, depth + 1);
}

/** A bill of random entries on few lines, so that many share an origin, an operation or a library. */
function randomBill(seed: number) {
  let state = seed;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  const lines = Array.from({ length: 1 + next(40) }, () => {
    const cost = next(10 ** (1 + next(12)));
    const half = next(cost + 1);
    return line(1 + next(9), cost, "f(x)", "", {
      file: `/home/ana/${"ab"[next(2)]}.py`,
      origin_line: 1 + next(5),
      operation: ["read.csv", "user", "join", "novel"][next(4)] ?? "",
      library: ["", "pandas"][next(2)] ?? "",
      prefixes: [
        { prefix: "p", cost_nanos: half, thread_seconds: 1 },
        { prefix: "q", cost_nanos: cost - half, thread_seconds: 1 },
      ],
    });
  });
  const unknown = next(10 ** 9);
  const total = sum(lines.map((entry) => entry.cost_nanos)) + unknown;
  return bill({ lines, categories: [], unknown_nanos: unknown, total_nanos: total });
}

describe("viewOf", () => {
  const view = viewOf(bill(), "origin");

  it("sums what one line created, wherever it ran, dearest first", () => {
    expect(view.rows.map((row) => [row.key, row.nanos])).toEqual([
      ["/home/ana/flights.py:19", 7_412_333],
      ["/home/ana/flights.py:21", 2_112_421],
      ["cell:9f3c2ab81234:3", 154_001],
    ]);
    expect(view.rows[0]).toMatchObject({ native: 12, kinds: [{ kind: "read", nanos: 7_412_333 }] });
  });

  it("opens to the lines where threads stood, and these to their tasks", () => {
    const [first] = view.rows;
    if (!first) throw new Error("no row");
    const lines = inside(view, first, 0);
    expect(lines.map((row) => [nameOf(row.about, new Map()), row.work?.operation])).toEqual([
      ["/home/ana/flights.py:19", "read.csv"],
      ["/home/ana/flights.py:31", "decompress"],
    ]);
    const [stood] = lines;
    expect(stood && inside(view, stood, 1).map((row) => row.key)).toEqual(["read-csv"]);
  });

  it("groups by the line where threads stood, by operation and by library", () => {
    const keys = (by: (typeof GROUPINGS)[number]) => viewOf(bill(), by).rows.map((row) => row.key);
    expect(keys("line")).toHaveLength(4);
    expect(keys("operation")).toEqual(["read.csv", "user", "decompress"]);
    expect(keys("library")).toEqual(["pandas", "", "fsspec"]);
  });

  it("orders what is on no line: idle, overhead, lost, and unknown last", () => {
    expect(view.rest.map((row) => row.name)).toEqual([
      "idle.no_work",
      "idle.waiting_data",
      "overhead.scheduler",
      "lost.worker",
      "lost.telemetry",
      "unknown",
    ]);
  });

  it("shows the same parts on no line, and the same total, in every grouping", () => {
    for (const by of GROUPINGS) {
      const other = viewOf(bill(), by);
      expect(other.rest).toEqual(view.rest);
      expect(other.rowsShown).toBe(view.rowsShown);
      expect(shown(other.rows)).toBe(view.rowsShown);
      expect(split(other)).toEqual(split(view));
    }
  });

  it("shows parts that add up on every level, in every grouping, whatever the bill", () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const given = seed === 1 ? bill() : randomBill(seed);
      for (const by of GROUPINGS) {
        const laid = viewOf(given, by);
        const unit = unitOf(laid.decimals);
        expect(shown(laid.rows) + shown(laid.rest)).toBe(Math.round(laid.total / unit) * unit);
        expect(tenths([...laid.rows, ...laid.rest])).toBe(1000);
        for (const row of laid.rows) {
          expect(Math.abs(row.shown - row.nanos)).toBeLessThan(unit);
          addsUp(laid, row);
        }
        expect(shown(split(laid))).toBe(Math.round(laid.total / unit) * unit);
      }
    }
  });

  it("shows three digits of a small total and cents of a large one", () => {
    expect(view.decimals).toBe(4);
    expect(viewOf(bill({ total_nanos: 50_010_000_000 }), "origin").decimals).toBe(2);
  });

  it("keeps unknown as a row of its own even at nothing", () => {
    expect(viewOf(bill({ unknown_nanos: 0 }), "origin").rest.at(-1)).toMatchObject({ name: "unknown", shown: 0 });
  });

  it("copes with a bill of nothing", () => {
    const empty = viewOf(bill({ lines: [], categories: [], unknown_nanos: 0, total_nanos: 0 }), "origin");
    expect(empty.rowsShown).toBe(0);
    expect(split(empty)).toEqual([]);
    expect(filesOf(empty)).toEqual([]);
  });

  it("leaves what was measured before origins were where threads stood", () => {
    const old = line(5, 900, "f(x)", "read-csv", { origin_file: "", origin_line: 0, origin_text: "" });
    expect(viewOf(bill({ lines: [old] }), "origin").rows[0]?.about).toMatchObject({ line: 5, text: "f(x)" });
  });
});

describe("a row", () => {
  const [first, second, cell] = viewOf(bill(), "origin").rows;

  it("says how its line is known, and who else asked for it", () => {
    expect([first, second, cell].map((row) => row && levelOf(row))).toEqual(["created", "created", "submitted"]);
    expect(first && sharedWith(first)).toEqual(["/home/ana/report.py:7"]);
    const mixed = bill({ lines: [line(5, 2, "x", ""), line(5, 1, "x", "", { origin_level: "submitted" })] });
    expect(viewOf(mixed, "origin").rows.map(levelOf)).toEqual(["both"]);
  });

  it("is found by place, text, operation, library and task", () => {
    const { rows } = viewOf(bill(), "origin");
    const found = (filter: string) => matching(rows, new Map(), filter).map((row) => row.key.split(":").at(-1));
    expect(found("")).toHaveLength(3);
    expect(found("READ csv")).toEqual(["19"]);
    expect(found("wind_class")).toEqual(["21"]);
    expect(found("fsspec")).toEqual(["19"]);
    expect(found("flights.py:21")).toEqual(["21"]);
    expect(found("nowhere")).toEqual([]);
  });
});

describe("lines beside their source", () => {
  it("adds all entries of one line and takes only its own file", () => {
    const given = bill({
      lines: [
        line(5, 900, "f(x)", "read-csv", { operation: "read.csv" }),
        line(5, 100, "f(x)", "merge", { function: "inner", operation: "join" }),
        line(5, 50, "g", "x", { file: "/b.py" }),
      ],
    });
    const entry = gutter(viewOf(given, "line"), "/home/ana/flights.py").get(5);
    expect(entry).toMatchObject({ nanos: 1000, kinds: [{ kind: "read" }, { kind: "move" }] });
    expect(entry && mainKind(entry)).toBe("read");
    expect(filesOf(viewOf(given, "line")).map(({ file, lines }) => [file, lines])).toEqual([
      ["/home/ana/flights.py", 1],
      ["/b.py", 1],
    ]);
  });

  it("has a chosen line on the side that was chosen, or else on the other", () => {
    const at = (number: number) => ({ file: "/home/ana/flights.py", line: number });
    const views = viewsOf(bill(), "library");
    expect(rowAt(views, at(21))?.view.by).toBe("origin");
    expect(rowAt(views, at(31))?.view.by).toBe("line");
    expect(rowAt(viewsOf(bill(), "line"), at(19))?.view.by).toBe("line");
    expect(rowAt(views, at(99))).toBeUndefined();
  });
});

describe("originShares", () => {
  it("reports what stands on the creating line, the submitting one and none", () => {
    const parts = originShares(
      bill({
        origin_seconds: 97,
        work_seconds: 100,
        lines: [
          line(1, 1, "", "", { thread_seconds: 97 }),
          line(2, 1, "", "", { thread_seconds: 1, native_seconds: 1, origin_level: "submitted" }),
        ],
      }),
    );
    expect(parts).toEqual({ created: 0.97, submitted: 0.02, none: 0.01 });
  });

  it("claims nothing where nothing has worked", () => {
    expect(originShares(bill({ work_seconds: 0, origin_seconds: 0 }))).toBeUndefined();
  });
});
