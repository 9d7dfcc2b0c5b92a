import { describe, expect, it } from "vitest";
import { gpuIdleShare, gpuStretches, known, mean, peak, scales, stretches, total } from "#/features/resources/series";
import { resources } from "../../../tests/data";

describe("a measure", () => {
  it("counts only what was reported", () => {
    expect(mean([1, null, 3])).toBe(2);
    expect(mean([null])).toBeUndefined();
    expect([peak([1, null, 3]), peak([null]), total([1, null, 3])]).toEqual([3, 0, 4]);
    expect([known([null, 0]), known([null]), known([])]).toEqual([true, false, false]);
  });

  it("is drawn as steps within its frame, with a gap where nothing was reported", () => {
    const drawn = stretches([0, 2, null, 4], 4, 100, 40);
    expect(drawn.map(({ line }) => line)).toEqual(["M0 40L25 40L25 20L50 20", "M75 0L100 0"]);
    expect(drawn[1]?.area).toBe("M75 0L100 0L100 40L75 40Z");
    expect(stretches([9], 4, 100, 40)[0]?.line).toBe("M0 0L100 0");
    expect(stretches([1], 0, 100, 40)[0]?.line).toBe("M0 40L100 40");
    expect(stretches([null], 4, 100, 40)).toEqual([]);
    expect(stretches([], 4, 100, 40)).toEqual([]);
  });

  it("shares its scale with the same measure of other processes", () => {
    expect(scales(resources.items)).toEqual({ cpu: 2, memory: 4e9, transfer: 4e8, disk: 0 });
    expect(scales([])).toEqual({ cpu: 1, memory: 0, transfer: 0, disk: 0 });
  });
});

describe("a GPU", () => {
  const [busy, unused] = resources.items[0]?.gpus ?? [];
  if (!busy || !unused) throw new Error("no data");

  it("is dots where it ran nothing, and darker where it was busier", () => {
    expect(gpuStretches(busy.utilisation_bins).map(({ from, to, look }) => [from, to, look])).toEqual([
      [0, 0.25, "gpu"],
      [0.25, 0.5, "fr2"],
      [0.75, 1, "fr1"],
    ]);
    expect(gpuStretches(unused.utilisation_bins)).toEqual([{ from: 0, to: 1, look: "gpu", mean: 0 }]);
    expect(gpuStretches([0.5, 0.55, 0.59])[0]?.mean).toBeCloseTo((0.5 + 0.55 + 0.59) / 3);
    expect(gpuStretches([])).toEqual([]);
  });

  it("has no idle share where nobody looked", () => {
    expect(gpuIdleShare(busy)).toBe(0.25);
    expect(gpuIdleShare({ ...busy, observed_seconds: 0 })).toBeUndefined();
  });
});
