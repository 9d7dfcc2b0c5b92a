import { describe, expect, it } from "vitest";
import { overview } from "../../../tests/data";
import { about, axisMoney, changeWords, mendable, paceOf, pageDecimals, payersOf, splitOf, steps } from "./view";

const NANOS = 1e9;

describe("the overview's figures", () => {
  it("split the whole, as displayed too", () => {
    const data = overview();
    const rows = splitOf(data, 0);
    expect(rows.reduce((sum, row) => sum + row.nanos, 0)).toBe(data.total_nanos);
    expect(rows.reduce((sum, row) => sum + row.shown, 0)).toBe(Math.round(data.total_nanos / NANOS) * NANOS);
    expect(rows.reduce((sum, row) => sum + row.share, 0)).toBeCloseTo(1, 9);
    for (const row of rows.filter(({ parts }) => parts.length > 0)) {
      expect(row.parts.reduce((sum, part) => sum + part.shown, 0)).toBe(row.shown);
      expect(row.parts.reduce((sum, part) => sum + part.share, 0)).toBeCloseTo(row.share, 9);
    }
    expect(rows.map(({ name }) => name)).toEqual([
      "Read",
      "Train, predict",
      "Idle",
      "Overhead",
      "Lost with a worker",
      "Unknown",
    ]);
  });

  it("give each payer its money by day, and the others theirs", () => {
    const data = overview();
    const rows = payersOf(data, 0);
    expect(rows.map(({ name }) => name)).toEqual(["ana", "ben", "cleo", "dev", "No user", "2 others"]);
    data.days_nanos.forEach((total, day) => {
      expect(rows.reduce((sum, row) => sum + (row.days[day] ?? 0), 0)).toBe(total);
    });
    expect(rows.reduce((sum, row) => sum + row.nanos, 0)).toBe(data.total_nanos);
  });

  it("add up to now, and go on to the forecast", () => {
    const data = overview();
    const pace = paceOf(data);
    expect(pace.spent.at(-1)?.nanos).toBe(data.total_nanos);
    expect(pace.spent.at(-1)?.at).toBe(pace.ahead[0]?.at);
    expect(pace.ahead.at(-1)).toEqual({ at: 1, low: 44_900 * NANOS, mid: 46_700 * NANOS, high: 48_900 * NANOS });
    const { forecast: _, ...without } = data;
    expect(paceOf(without).ahead).toEqual([]);
  });

  it("list what can be mended by money", () => {
    expect(mendable(overview()).map(({ name }) => name)).toEqual([
      "idle.no_work",
      "idle.holding",
      "overhead.dask",
      "lost.worker",
      "unknown",
    ]);
  });

  it("have round steps on axes", () => {
    expect(steps(48_900, 4)).toEqual([20_000, 40_000]);
    expect(steps(4, 4)).toEqual([1, 2, 3, 4]);
    expect(steps(0, 4)).toEqual([]);
    expect(axisMoney(20_000 * NANOS, "USD")).toBe("$20k");
    expect(axisMoney(1_500_000 * NANOS, "USD")).toBe("$1.5M");
    expect(axisMoney(50 * NANOS, "USD")).toBe("$50");
    expect(axisMoney(0.05 * NANOS, "USD")).toBe("$0.05");
  });

  it("round estimates, and not what was metered", () => {
    expect(about(46_712 * NANOS, "USD")).toBe("$46,700");
    expect(about(166.4 * NANOS, "USD")).toBe("$170");
    expect(about(9.146 * NANOS, "USD")).toBe("$9.15");
    expect(about(0, "USD")).toBe("$0");
    expect(pageDecimals(29_417 * NANOS)).toBe(0);
    expect(pageDecimals(29 * NANOS)).toBe(2);
  });

  it("say changes in words", () => {
    expect(changeWords(115, 100)).toBe("+15\u202f%");
    expect(changeWords(98, 100)).toBe("−2\u202f%");
    expect(changeWords(100, 100)).toBe("0\u202f%");
    expect(changeWords(5, 0)).toBe("new");
    expect(changeWords(0, 5)).toBe("gone");
    expect(changeWords(0, 0)).toBe("–");
    expect(changeWords(5000, 100)).toBe("50 times");
  });
});
