import { describe, expect, it } from "vitest";
import { WEEK, weekBy, weekOf, weeksUpTo, weekWords } from "#/features/reports/weeks";

describe("weeks", () => {
  it("are those of ISO 8601, in the zone", () => {
    expect(weekOf(new Date("2026-11-22T22:59:59Z"), "Europe/Oslo")).toBe("2026-W47");
    expect(weekOf(new Date("2026-11-22T23:00:00Z"), "Europe/Oslo")).toBe("2026-W48");
    expect(weekOf(new Date("2027-01-01T12:00:00Z"), "UTC")).toBe("2026-W53");
    expect(weekOf(new Date("2024-12-30T00:00:00Z"), "UTC")).toBe("2025-W01");
  });

  it("follow each other without gap, and are read back", () => {
    let week = "2019-W50";
    for (let day = Date.UTC(2019, 11, 9); day < Date.UTC(2033, 0, 1); day += 7 * 86_400_000) {
      expect(weekOf(new Date(day), "UTC")).toBe(week);
      expect(weekOf(new Date(day + 7 * 86_400_000 - 1), "UTC")).toBe(week);
      expect(week).toMatch(WEEK);
      expect(weekBy(weekBy(week, -3), 3)).toBe(week);
      week = weekBy(week, 1);
    }
  });

  it("are named by their days", () => {
    expect(weekWords("2026-W47")).toBe("Week 47, 16–22 Nov 2026");
    expect(weekWords("2026-W49")).toBe("Week 49, 30 Nov–6 Dec 2026");
    expect(weeksUpTo("2027-W01").slice(0, 3)).toEqual(["2027-W01", "2026-W53", "2026-W52"]);
  });
});
