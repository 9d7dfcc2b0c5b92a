import type { Overview, OverviewPart, OverviewPayer } from "#/api/schema";
import { apportion, decimalsFor, fitTo, money, NANOS, shares, unitOf } from "#/lib/money";
import { categoryWords, KIND_WORDS, KINDS, type Kind, kindOf, type RestLook } from "#/lib/work";

/** From so many units on, a page about months shows whole ones. */
const WHOLE_FROM = 100 * NANOS;

/** Decimals of a page: none for amounts of months, cents and finer for small ones. */
export function pageDecimals(total: number): number {
  return total >= WHOLE_FROM ? 0 : decimalsFor(total, 3);
}

/** How a part of the money looks: a kind of work, or what is no work. */
export type Look = Kind | RestLook;

/** One row of the split, with what it holds. */
export interface SplitRow {
  look: Look;
  name: string;
  nanos: number;
  shown: number;
  share: number;
  parts: { name: string; nanos: number; shown: number; share: number }[];
}

const REST_NAMES: Record<RestLook, string> = {
  idle: "Idle",
  over: "Overhead",
  lost: "Lost with a worker",
  gap: "Reports lost",
  smaller: "Smaller lines",
  unattributed: "Work on no line",
  unknown: "Unknown",
};
const RESTS: readonly RestLook[] = ["unattributed", "idle", "over", "lost", "gap", "unknown"];

function lookOf(part: OverviewPart): Look {
  return part.kind === "work" ? kindOf(part.name) : categoryWords(part.name).look;
}

/** Where the money went: work by kind, then what is no work by reason; rounded so that it adds up. */
export function splitOf(overview: Overview, decimals: number): SplitRow[] {
  const looks: Look[] = [...KINDS, ...RESTS];
  const groups = looks.flatMap((look) => {
    const parts = overview.split.filter((part) => part.cost_nanos !== 0 && lookOf(part) === look);
    const nanos = sum(parts.map((part) => part.cost_nanos));
    return nanos === 0 ? [] : [{ look, parts, nanos }];
  });
  const unit = unitOf(decimals);
  const amounts = groups.map((group) => group.nanos);
  const shown = fitTo(amounts, unit, Math.round(overview.total_nanos / unit) * unit);
  const parted = shares(amounts);
  return groups.map((group, index) => {
    const inner = group.look === "idle" || group.look === "over" ? group.parts : [];
    const costs = inner.map((part) => part.cost_nanos);
    const innerShown = fitTo(costs, unit, shown[index] ?? 0);
    const innerShares = fitTo(
      costs.map((nanos) => (1000 * nanos) / Math.max(1, overview.total_nanos)),
      1,
      Math.round(1000 * (parted[index] ?? 0)),
    );
    return {
      look: group.look,
      name: group.look in KIND_WORDS ? capital(KIND_WORDS[group.look as Kind]) : REST_NAMES[group.look as RestLook],
      nanos: group.nanos,
      shown: shown[index] ?? 0,
      share: parted[index] ?? 0,
      parts: inner.map((part, at) => ({
        name: reasonWords(part.name),
        nanos: part.cost_nanos,
        shown: innerShown[at] ?? 0,
        share: (innerShares[at] ?? 0) / 1000,
      })),
    };
  });
}

/** The reason alone: "nothing submitted" of "Idle, nothing submitted". */
function reasonWords(category: string): string {
  const { name } = categoryWords(category);
  return name.slice(name.indexOf(", ") + 1).trim();
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);

/** What is wasted or not seen, dearest first: each with who can do something about it. */
export function mendable(overview: Overview): OverviewPart[] {
  return overview.split
    .filter((part) => part.fixer !== "" && part.cost_nanos > 0)
    .sort((a, b) => b.cost_nanos - a.cost_nanos);
}

/** How many payers have a colour of their own; the others are one. */
export const PAYERS_SHOWN = 5;

/** A payer of the chart and its table; the last may stand for all others. */
export interface PayerRow {
  key: string;
  name: string;
  nanos: number;
  before: number;
  shown: number;
  share: number;
  days: number[];
}

/** The key of the row that stands for all other payers: nobody can be called so. */
export const OTHERS = "\u0000others";

/** The dearest payers and the others as one: what they spent, by day too, adding up to all. */
export function payersOf(overview: Overview, decimals: number): PayerRow[] {
  const first = overview.payers.slice(0, PAYERS_SHOWN);
  const others = overview.payers.slice(PAYERS_SHOWN);
  const days = overview.days_nanos.map((total, day) => total - sum(first.map((payer) => payer.days_nanos[day] ?? 0)));
  const rows = [
    ...first.map((payer) => ({ ...whose(payer, overview.by), days: payer.days_nanos })),
    ...(others.length > 0
      ? [
          {
            key: OTHERS,
            name: `${others.length} other${others.length === 1 ? "" : "s"}`,
            nanos: sum(others.map((payer) => payer.cost_nanos)),
            before: sum(others.map((payer) => payer.before_nanos)),
            days,
          },
        ]
      : []),
  ];
  const amounts = rows.map((row) => row.nanos);
  const shown = apportion(amounts, unitOf(decimals));
  const parted = shares(amounts);
  return rows.map((row, index) => ({ ...row, shown: shown[index] ?? 0, share: parted[index] ?? 0 }));
}

function whose(payer: OverviewPayer, by: Overview["by"]) {
  return {
    key: payer.key,
    name: payer.key || `No ${by}`,
    nanos: payer.cost_nanos,
    before: payer.before_nanos,
  };
}

/** A point of the cumulative chart: the share of the period that has gone, and what it has cost by then. */
export interface PacePoint {
  at: number;
  nanos: number;
}

export interface Pace {
  /** What happened, from nothing to now. */
  spent: PacePoint[];
  /** What is expected from now on, with its bounds; empty without a forecast. */
  ahead: { at: number; low: number; mid: number; high: number }[];
  top: number;
}

/** Spend as it adds up over the period, and as it is expected to. */
export function paceOf(overview: Overview): Pace {
  const start = Date.parse(overview.start);
  const length = Date.parse(overview.end) - start;
  const now = Math.min(1, (Date.parse(overview.until) - start) / length);
  const days = daysOf(overview);
  let total = 0;
  const spent: PacePoint[] = [{ at: 0, nanos: 0 }];
  overview.days_nanos.forEach((nanos, day) => {
    total += nanos;
    spent.push({ at: Math.min(now, (day + 1) / days), nanos: total });
  });
  const forecast = overview.forecast;
  const ahead = forecast
    ? [
        { at: now, low: total, mid: total, high: total },
        ...forecast.path.map((point, index) => ({
          at: Math.min(1, (overview.days_nanos.length + index) / days),
          low: point.low_nanos,
          mid: point.mid_nanos,
          high: point.high_nanos,
        })),
      ]
    : [];
  return { spent, ahead, top: Math.max(total, forecast?.high_nanos ?? 0, 1) };
}

/** Days of the period. */
export function daysOf(overview: Overview): number {
  return Math.max(1, Math.round((Date.parse(overview.end) - Date.parse(overview.start)) / 86_400_000));
}

/** Round steps of an axis up to an amount: at most so many, none at nothing. */
export function steps(top: number, most: number): number[] {
  if (top <= 0) return [];
  const rough = top / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power;
  return Array.from({ length: Math.floor(top / step) }, (_, index) => (index + 1) * step);
}

/** An amount on an axis: $10k, $1.5M, $0.05. */
export function axisMoney(nanos: number, currency: string): string {
  for (const [letter, size] of [
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (nanos >= size * NANOS) return `${money(nanos / size, currency, nanos % (size * NANOS) === 0 ? 0 : 1)}${letter}`;
  }
  return money(nanos, currency, nanos >= NANOS && nanos % NANOS === 0 ? 0 : decimalsFor(nanos, 1));
}

/** An estimate: three digits that mean something, whole tens from a hundred on. */
export function about(nanos: number, currency: string): string {
  if (nanos <= 0) return money(0, currency, 0);
  const step = 10 ** Math.max(Math.floor(Math.log10(nanos)) - 2, nanos >= WHOLE_FROM ? 10 : 0);
  const amount = Math.round(nanos / step) * step;
  return money(amount, currency, nanos >= WHOLE_FROM ? 0 : Math.max(2, decimalsFor(amount, 2)));
}

/** How much something changed, as a share of what it was; undefined where it was nothing. */
export function changeOf(now: number, before: number): number | undefined {
  return before > 0 ? now / before - 1 : undefined;
}

/** A change as people read it: +15 %, −2 %, new, gone. */
export function changeWords(now: number, before: number): string {
  if (before === 0) return now === 0 ? "–" : "new";
  if (now === 0) return "gone";
  const share = Math.round(100 * (now / before - 1));
  if (share > 999) return `${Math.round(now / before)} times`;
  return `${share > 0 ? "+" : share < 0 ? "−" : ""}${Math.abs(share)}\u202f%`;
}
