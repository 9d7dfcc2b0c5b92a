import type { GPU, ResourceSeries } from "#/api/schema";

/** Values of one measure by bin; null where nothing was reported. */
export type Values = readonly (number | null)[];

/** The largest value; 0 where there is none. */
export function peak(values: Values): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

/** The mean of what was reported; undefined where nothing was. */
export function mean(values: Values): number | undefined {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : undefined;
}

/** The sum of what was reported. */
export function total(values: Values): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** Whether anything was reported at all. */
export function known(values: Values): boolean {
  return values.some((value) => value !== null);
}

/** A stretch of bins that follow each other, in a chart of 0..1 both ways; y points down. */
export interface Stretch {
  line: string;
  area: string;
}

/**
 * The path of a measure, as steps: a bin's value holds for its whole width. What was not reported is a gap, never a slope across it.
 * `width` and `height` are those of the chart's own coordinates.
 */
export function stretches(values: Values, top: number, width: number, height: number): Stretch[] {
  const step = width / Math.max(1, values.length);
  const found: Stretch[] = [];
  let points: [number, number][] = [];
  const end = () => {
    const [first, last] = [points[0], points.at(-1)];
    if (first && last) {
      const line = `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`;
      found.push({ line, area: `${line}L${round(last[0])} ${height}L${round(first[0])} ${height}Z` });
    }
    points = [];
  };
  for (const [index, value] of values.entries()) {
    if (value === null) {
      end();
      continue;
    }
    const y = top > 0 ? height - Math.min(1, value / top) * height : height;
    points.push([index * step, y], [(index + 1) * step, y]);
  }
  end();
  return found;
}

const round = (value: number) => Math.round(value * 100) / 100;

/** A stretch of a GPU's life of one look: unused, not reported, or busy to a step of the ramp (1 is busiest). */
export interface GpuStretch {
  from: number;
  to: number;
  look: "gpu" | "fr1" | "fr2" | "fr3" | "fr4" | "fr5";
  mean: number;
}

const RAMP: readonly (readonly [number, GpuStretch["look"]])[] = [
  [0.8, "fr1"],
  [0.6, "fr2"],
  [0.4, "fr3"],
  [0.2, "fr4"],
  [0, "fr5"],
];

/** Utilisation under this much is no use: a display's or driver's own. */
const UNUSED = 0.005;

/** A device's bins as stretches of one look; bins without a report are left out. */
export function gpuStretches(values: Values): GpuStretch[] {
  const found: GpuStretch[] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const look = value < UNUSED ? "gpu" : (RAMP.find(([least]) => value >= least)?.[1] ?? "fr5");
    const last = found.at(-1);
    const [from, to] = [index / values.length, (index + 1) / values.length];
    if (last && last.look === look && Math.abs(last.to - from) < 1e-9) {
      const before = (last.to - last.from) * values.length;
      last.mean = (last.mean * before + value) / (before + 1);
      last.to = to;
    } else found.push({ from, to, look, mean: value });
  }
  return found;
}

/** A device in a sentence that says first what is wrong, where something is. */
export function gpuIdleShare(gpu: GPU): number | undefined {
  return gpu.observed_seconds > 0 ? Math.min(1, gpu.idle_seconds / gpu.observed_seconds) : undefined;
}

/** The tops of the four measures over all processes: small multiples share their scale, or they could not be compared. */
export function scales(items: readonly ResourceSeries[]) {
  const most = (pick: (series: ResourceSeries) => number) => Math.max(0, ...items.map(pick));
  return {
    cpu: nice(most((series) => peak(series.cpu_cores))),
    memory: most((series) => Math.max(series.memory_limit_bytes, peak(series.rss_bytes), peak(series.managed_bytes))),
    transfer: most((series) => peak(series.transfer_bytes)),
    disk: most((series) => peak(series.disk_bytes)),
  };
}

/** Whole cores from one up: a scale that reads "2 cores", not "1.83". */
const nice = (cores: number) => Math.max(1, Math.ceil(cores - 0.05));
