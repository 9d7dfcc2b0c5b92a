import { describe, expect, it } from "vitest";
import { bytes, count, duration, percent } from "#/lib/format";

describe("duration", () => {
  it.each([
    [0, "0 s"],
    [0.01, "< 0.1 s"],
    [0.44, "0.4 s"],
    [9.96, "10 s"],
    [45, "45 s"],
    [60, "1 min"],
    [190, "3 min 10 s"],
    [3_600, "1 h"],
    [9_900, "2 h 45 min"],
    [3_605, "1 h"],
    [273_600, "3 d 4 h"],
    [8_636_400, "99 d 23 h"],
    [2_052_464_400, "23,755 d"],
  ])("says %d seconds as %s", (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it("is a dash where it is not known", () => {
    expect(duration(undefined)).toBe("–");
  });
});

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_500, "1.5 kB"],
    [2_100_000_000, "2.1 GB"],
    [999_950, "1.0 MB"],
    [250_000_000, "250 MB"],
  ])("says %d as %s", (size, words) => {
    expect(bytes(size)).toBe(words);
  });
});

it("writes per cent with a narrow space", () => {
  expect(percent(0.29)).toBe("29.0\u202f%");
  expect(percent(1, 0)).toBe("100\u202f%");
  expect(percent(Number.NaN)).toBe("–");
});

it("counts", () => {
  expect(count(1, "worker")).toBe("1 worker");
  expect(count(1200, "worker")).toBe("1,200 workers");
  expect(count(2, "line costs", "lines cost")).toBe("2 lines cost");
});
