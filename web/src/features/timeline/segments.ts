import type { Timeline, TimelineRow } from "#/api/schema";

/** What a worker's thread-time was, as charts draw it. Unattributed work is work. */
export const LOOKS = ["work", "over", "lost", "idle"] as const;
export type Look = (typeof LOOKS)[number];

/** Shares of one bin by look; what is missing to 1 was not observed. */
export type Shares = Record<Look, number>;

/** A stretch of a worker's life in which the shares stay about the same. */
export interface Segment {
  /** Where it begins and ends, as shares of the timeline's width. */
  from: number;
  to: number;
  shares: Shares;
}

/** A worker's row, ready to be drawn. */
export interface Row {
  id: string;
  name: string;
  from: number;
  to: number;
  segments: Segment[];
  /** Shares over the whole life, for the text beside the picture. */
  overall: Shares & { unknown: number };
}

/** The look of a category of the API; none for a report that never arrived, which is the outline of what was not observed. */
export function lookOf(category: string): Look | undefined {
  if (category === "lost.telemetry") return undefined;
  if (category.startsWith("lost.")) return "lost";
  if (category.startsWith("idle.") || category === "idle") return "idle";
  if (category.startsWith("overhead.")) return "over";
  return "work";
}

export function sharesOf(bin: Record<string, number>): Shares {
  const shares: Shares = { work: 0, over: 0, lost: 0, idle: 0 };
  for (const [category, share] of Object.entries(bin)) {
    const look = lookOf(category);
    if (look) shares[look] += share;
  }
  return shares;
}

/** Shares closer than this look the same at the height of a row. */
const SAME = 0.04;

/** Lays out the rows of a timeline. */
export function rowsOf(timeline: Timeline): Row[] {
  const start = new Date(timeline.start).getTime();
  const length = new Date(timeline.end).getTime() - start;
  if (!(length > 0)) return [];
  const step = (timeline.step_seconds * 1000) / length;
  const place = (at: string) => clamp((new Date(at).getTime() - start) / length);
  return timeline.rows.map((row) => {
    const from = place(row.started_at);
    const to = row.ended_at ? place(row.ended_at) : 1;
    return {
      id: row.process_id,
      name: row.name,
      from,
      to,
      segments: segmentsOf(row, step, from, to),
      overall: overallOf(row, step, from, to),
    };
  });
}

function segmentsOf(row: TimelineRow, step: number, from: number, to: number): Segment[] {
  const segments: Segment[] = [];
  for (const [index, bin] of row.bins.entries()) {
    const left = Math.max(from, index * step);
    const right = Math.min(to, (index + 1) * step, 1);
    if (right <= left) continue;
    const shares = inLife(sharesOf(bin), right - left, step);
    const last = segments.at(-1);
    if (last && Math.abs(last.to - left) < 1e-9 && alike(last.shares, shares)) last.to = right;
    else segments.push({ from: left, to: right, shares });
  }
  return segments;
}

/** Shares are of the whole bin; at the edges of a life they are of the part that was lived. */
function inLife(shares: Shares, lived: number, step: number): Shares {
  const scale = Math.min(step / lived, 1 / Math.max(1e-9, sum(shares)));
  const factor = lived < step * 0.999 ? Math.max(1, scale) : 1;
  return map(shares, (share) => clamp(share * factor));
}

function overallOf(row: TimelineRow, step: number, from: number, to: number): Row["overall"] {
  const sums: Shares = { work: 0, over: 0, lost: 0, idle: 0 };
  for (const bin of row.bins) {
    const shares = sharesOf(bin);
    for (const look of LOOKS) sums[look] += shares[look] * step;
  }
  const life = to - from;
  if (life <= 0) return { ...sums, unknown: 0 };
  const shares = map(sums, (share) => clamp(share / life));
  return { ...shares, unknown: clamp(1 - sum(shares)) };
}

function alike(a: Shares, b: Shares): boolean {
  return LOOKS.every((look) => Math.abs(a[look] - b[look]) < SAME);
}

const sum = (shares: Shares) => LOOKS.reduce((total, look) => total + shares[look], 0);
const map = (shares: Shares, change: (share: number) => number): Shares => ({
  work: change(shares.work),
  over: change(shares.over),
  lost: change(shares.lost),
  idle: change(shares.idle),
});
const clamp = (value: number) => Math.min(1, Math.max(0, value));

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** At most `most` round times between two, as shares of the way. */
export function gridTimes(start: string, end: string, most: number): { at: Date; share: number }[] {
  const [from, to] = [new Date(start).getTime(), new Date(end).getTime()];
  const length = to - from;
  if (!(length > 0)) return [];
  const step = (STEPS_S.find((seconds) => length / (seconds * 1000) <= most) ?? 604_800) * 1000;
  const times: { at: Date; share: number }[] = [];
  for (let at = Math.ceil(from / step) * step; at < to && times.length < most; at += step) {
    times.push({ at: new Date(at), share: (at - from) / length });
  }
  return times;
}
