import { describe, expect, it } from "vitest";
import { clockTime, knownZone, moment, secondsBetween } from "#/lib/time";

const clock = { zone: "Europe/Berlin", now: new Date("2026-11-19T13:32:00Z") };

describe("moment", () => {
  it.each([
    ["2026-11-19T09:50:00Z", "10:50"],
    ["2026-11-18T13:05:00Z", "18 Nov 14:05"],
    ["2025-12-31T22:30:00Z", "31 Dec 2025 23:30"],
    // Already the next year in the organisation's zone.
    ["2025-12-31T23:30:00Z", "1 Jan 00:30"],
  ])("says %s as %s", (at, words) => {
    expect(moment(at, clock)).toBe(words);
  });

  it("is a dash where there is none or it cannot be read", () => {
    expect(moment(undefined, clock)).toBe("–");
    expect(moment("soon", clock)).toBe("–");
  });
});

it("shows seconds where asked to", () => {
  expect(clockTime("2026-11-19T09:50:07Z", "UTC", true)).toBe("09:50:07");
});

it("falls back to UTC for a zone that browsers do not know", () => {
  expect(knownZone("Local/Nowhere")).toBe("UTC");
  expect(knownZone("America/New_York")).toBe("America/New_York");
});

it("measures between two times and never backwards", () => {
  expect(secondsBetween("2026-11-19T09:50:00Z", "2026-11-19T09:51:30Z")).toBe(90);
  expect(secondsBetween("2026-11-19T09:51:30Z", "2026-11-19T09:50:00Z")).toBe(0);
  expect(secondsBetween(undefined, clock.now)).toBeUndefined();
});
