import { describe, expect, it } from "vitest";
import { gridTimes, rowsOf } from "#/features/timeline/segments";
import { timeline } from "../../../tests/data";

describe("rowsOf", () => {
  const [row] = rowsOf(timeline);

  it("begins a row where its process began", () => {
    expect(row?.from).toBeCloseTo(0.05);
    expect(row?.to).toBe(1);
    expect(row?.segments[0]?.from).toBeCloseTo(0.05);
  });

  it("takes the shares of a half lived bin as of the part that was lived", () => {
    expect(row?.segments[0]?.shares.idle).toBeCloseTo(1);
  });

  it("joins bins that look the same, and keeps what was not observed apart", () => {
    expect(row?.segments).toHaveLength(4);
    expect(row?.segments[1]).toMatchObject({ shares: { work: 0.9, over: 0.1, idle: 0 } });
    expect(row?.segments[2]?.shares).toEqual({ work: 0, over: 0, lost: 0, idle: 0 });
  });

  it("says in numbers what the picture shows", () => {
    const { work = 0, idle = 0, over = 0, unknown = 0 } = row?.overall ?? {};
    expect(work + idle + over + unknown).toBeCloseTo(1);
    expect(unknown).toBeCloseTo(10 / 95);
  });

  it("draws nothing of no time", () => {
    expect(rowsOf({ ...timeline, end: timeline.start })).toEqual([]);
  });
});

describe("gridTimes", () => {
  it("are round, within, and few", () => {
    const times = gridTimes("2026-11-19T09:50:03Z", "2026-11-19T13:32:00Z", 4);
    expect(times.map(({ at }) => at.toISOString().slice(11, 16))).toEqual(["10:00", "11:00", "12:00", "13:00"]);
    expect(times.every(({ share }) => share >= 0 && share < 1)).toBe(true);
  });

  it("never exceed their number, whatever the window", () => {
    for (let seconds = 1; seconds < 10_000_000; seconds = Math.ceil(seconds * 1.37)) {
      const end = new Date(Date.UTC(2026, 10, 19, 9, 50, 3) + seconds * 1000).toISOString();
      expect(gridTimes("2026-11-19T09:50:03Z", end, 4).length).toBeLessThanOrEqual(4);
    }
  });
});
