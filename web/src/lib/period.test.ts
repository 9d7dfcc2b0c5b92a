import { describe, expect, it } from "vitest";
import { dateIn, dateOf, daysIn, hourIn, midnight, PERIODS, spanBefore, spanOf, spanWords, weekOf } from "#/lib/period";

const clock = { zone: "Europe/Oslo", now: new Date("2026-11-19T13:32:00Z") };

describe("a period", () => {
  it("begins and ends with days of the zone, and reaches to now unless it is over", () => {
    expect(spanOf({}, clock)).toEqual({
      since: "2026-10-20T22:00:00.000Z",
      until: undefined,
      from: "2026-10-21",
      to: "2026-11-19",
      period: "30d",
    });
    expect(spanOf({ period: "last-month" }, clock)).toMatchObject({
      since: "2026-09-30T22:00:00.000Z",
      until: "2026-10-31T23:00:00.000Z",
    });
    expect(spanOf({ from: "2026-11-01", to: "2026-11-30" }, clock)).toMatchObject({
      since: "2026-10-31T23:00:00.000Z",
      until: undefined,
    });
    expect(spanOf({ from: "2026-11-01", to: "2026-11-02" }, clock).until).toBe("2026-11-02T23:00:00.000Z");
    // A first day after the last one is no period.
    expect(spanOf({ from: "2026-11-03", to: "2026-11-02" }, clock).period).toBe("30d");
  });

  it("is compared with one that ends before it", () => {
    for (const period of PERIODS) {
      const span = spanOf({ period }, clock);
      const before = spanBefore(span, clock.zone);
      expect(before.to < span.from, period).toBe(true);
      expect(before.since < (before.until ?? ""), period).toBe(true);
    }
    expect(spanBefore(spanOf({ period: "month" }, clock), clock.zone)).toMatchObject({
      from: "2026-10-01",
      to: "2026-10-19",
    });
    const march = { ...clock, now: new Date("2026-03-31T12:00:00Z") };
    expect(spanBefore(spanOf({ period: "month" }, march), clock.zone).to).toBe("2026-02-28");
    expect(spanBefore(spanOf({ period: "7d" }, clock), clock.zone)).toMatchObject({
      from: "2026-11-06",
      to: "2026-11-12",
    });
  });

  it("is said in few words", () => {
    expect(spanWords({ from: "2026-11-19", to: "2026-11-19" })).toBe("19 Nov 2026");
    expect(spanWords({ from: "2026-11-01", to: "2026-11-19" })).toBe("1–19 Nov 2026");
    expect(spanWords({ from: "2026-10-21", to: "2026-11-19" })).toBe("21 Oct – 19 Nov 2026");
    expect(spanWords({ from: "2025-12-31", to: "2026-01-01" })).toBe("31 Dec 2025 – 1 Jan 2026");
  });
});

describe("steps of time", () => {
  it("are written as the server writes them", () => {
    expect(hourIn(new Date("2026-11-19T13:00:00Z"), "Europe/Oslo")).toBe("2026-11-19T14:00+01:00");
    expect(hourIn(new Date("2026-11-19T13:00:00Z"), "UTC")).toBe("2026-11-19T13:00Z");
    expect(hourIn(new Date("2026-07-01T02:00:00Z"), "America/St_Johns")).toBe("2026-06-30T23:30-02:30");
    expect(
      ["2026-01-01", "2026-01-04", "2026-01-05", "2026-12-31", "2027-01-03", "2024-12-30", "2021-01-03"].map(weekOf),
    ).toEqual(["2026-W01", "2026-W01", "2026-W02", "2026-W53", "2026-W53", "2025-W01", "2020-W53"]);
    expect(daysIn({ from: "2026-11-17", to: "2026-11-30" }, clock)).toEqual(["2026-11-17", "2026-11-18", "2026-11-19"]);
  });
});

describe("a day", () => {
  it("begins when the clocks of the zone say so, whatever they do that night", () => {
    expect(midnight("2026-10-25", "Europe/Oslo")).toBe("2026-10-24T22:00:00.000Z");
    expect(midnight("2026-10-26", "Europe/Oslo")).toBe("2026-10-25T23:00:00.000Z");
    expect(midnight("2026-11-19", "Asia/Kathmandu")).toBe("2026-11-18T18:15:00.000Z");
    expect(midnight("2026-11-19", "Pacific/Apia")).toBe("2026-11-18T11:00:00.000Z");
    // In Havana the clocks go from midnight to one.
    expect(dateIn(new Date(midnight("2026-03-08", "America/Havana")), "America/Havana")).toBe("2026-03-08");
    for (const zone of ["UTC", "Europe/Oslo", "America/Havana", "Asia/Kolkata", "Africa/Cairo"]) {
      for (let day = 0; day < 366; day += 1) {
        const date = new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10);
        const at = Date.parse(midnight(date, zone));
        expect(dateIn(new Date(at), zone)).toBe(date);
        expect(dateIn(new Date(at - 1), zone) < date).toBe(true);
      }
    }
  });

  it("is one of the calendar", () => {
    expect(dateOf("2026-02-28")).toBe("2026-02-28");
    for (const wrong of ["2026-02-29", "2026-13-01", "26-01-01", "yesterday", 5, undefined, "2026-1-1"]) {
      expect(dateOf(wrong)).toBeUndefined();
    }
  });
});
