import { describe, expect, it } from "vitest";
import {
  choices,
  dayLabels,
  dayNumber,
  daysIn,
  daysOf,
  daysWords,
  dayWords,
  monthBy,
  monthOf,
  monthWords,
  queryOf,
  searchOf,
} from "./period";

describe("periods of the overview", () => {
  it("knows the month in the organisation's zone", () => {
    expect(monthOf(new Date("2026-10-31T23:30:00Z"), "Europe/Oslo")).toBe("2026-11");
    expect(monthOf(new Date("2026-10-31T23:30:00Z"), "UTC")).toBe("2026-10");
    expect(monthBy("2026-01", -1)).toBe("2025-12");
    expect(monthBy("2026-12", 1)).toBe("2027-01");
    expect(monthWords("2026-11")).toBe("November 2026");
  });

  it("lists months and days, and reads them back", () => {
    const all = choices("2026-11");
    expect(all[0]).toEqual({ value: "2026-11", words: "November 2026" });
    expect(all.at(12)?.value).toBe("2025-11");
    expect(all.at(-1)).toEqual({ value: "90", words: "Last 90 days" });
    expect(searchOf("2026-11", "2026-11")).toEqual({ days: undefined, month: undefined });
    expect(searchOf("2026-10", "2026-11")).toEqual({ days: undefined, month: "2026-10" });
    expect(searchOf("30", "2026-11")).toEqual({ days: 30, month: undefined });
  });

  it("asks for so many days with today as the last", () => {
    const { since, until } = queryOf({ days: 7 }, new Date("2026-11-19T14:32:10Z"));
    expect(since).toBe("2026-11-13T14:00:00.000Z");
    expect(until).toBe("2026-11-19T14:00:00.001Z");
    expect(queryOf({ days: 7 }, new Date("2026-11-19T14:59:59Z"))).toEqual({ since, until });
    expect(queryOf({ month: "2026-10" }, new Date())).toEqual({ month: "2026-10" });
  });

  it("has days that other pages can be asked about", () => {
    const zone = "Europe/Oslo";
    expect(daysOf({ first_day: "2026-10-01", until: "2026-10-31T23:00:00Z", zone })).toEqual({
      from: "2026-10-01",
      to: "2026-10-31",
    });
    expect(daysOf({ first_day: "2026-11-01", until: "2026-11-18T23:00:01Z", zone }).to).toBe("2026-11-19");
  });

  it("says days in words", () => {
    expect(daysWords("2026-10-31T23:00:00Z", "2026-11-19T13:32:00Z", "Europe/Oslo")).toBe("1–19 Nov");
    expect(daysWords("2026-10-28T00:00:00Z", "2026-11-04T00:00:00Z", "UTC")).toBe("28 Oct–3 Nov");
    expect(daysWords("2026-11-01T00:00:00Z", "2026-11-01T09:00:00Z", "UTC")).toBe("1 Nov");
    expect(dayWords("2026-10-30", 3)).toBe("2 Nov");
    expect(dayNumber("2026-10-30", 3)).toBe(2);
    expect(dayLabels("2026-11-01", 30).map(({ words }) => words)).toEqual(["1 Nov", "5", "10", "15", "20", "25", "30"]);
    expect(dayLabels("2026-08-26", 90).map(({ words }) => words)).toEqual(["26 Aug", "1 Oct", "1 Nov"]);
    expect(dayLabels("2026-11-17", 7)).toHaveLength(7);
    // The clocks go back in October: it has an hour more than 31 days.
    expect(daysIn("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z")).toBe(31);
  });
});
