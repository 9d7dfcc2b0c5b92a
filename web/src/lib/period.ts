import { type Clock, knownZone } from "#/lib/time";

/** Periods that have a name of their own. All begin and end with days of the reader's zone. */
export const PERIODS = ["today", "7d", "30d", "90d", "month", "last-month", "year", "last-year"] as const;
export type Period = (typeof PERIODS)[number];

export const PERIOD_WORDS: Record<Period, string> = {
  today: "Today",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
  "90d": "Last 90 days",
  month: "This month",
  "last-month": "Last month",
  year: "This year",
  "last-year": "Last year",
};

/** What the address holds of a period: a name, or the first and the last day. */
export interface PeriodSearch {
  period?: Period | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** A window [since, until) as instants; one without an end reaches to now. */
export interface Span {
  since: string;
  until: string | undefined;
  /** Its first and last day, as YYYY-MM-DD. */
  from: string;
  to: string;
  period: Period | undefined;
}

export const DEFAULT_PERIOD: Period = "30d";

const DAY_MS = 86_400_000;

/** The window of a period. What the address holds has been checked: see dateOf. */
export function spanOf(search: PeriodSearch, clock: Clock): Span {
  const today = dateIn(clock.now, clock.zone);
  if (search.from !== undefined && search.to !== undefined && search.from <= search.to) {
    const until = shifted(search.to, 1);
    return {
      since: midnight(search.from, clock.zone),
      until: until > today ? undefined : midnight(until, clock.zone),
      from: search.from,
      to: search.to,
      period: undefined,
    };
  }
  const period = search.period ?? DEFAULT_PERIOD;
  const [from, to] = daysOf(period, today);
  const open = to >= today;
  return {
    since: midnight(from, clock.zone),
    until: open ? undefined : midnight(shifted(to, 1), clock.zone),
    from,
    to,
    period,
  };
}

function daysOf(period: Period, today: string): [string, string] {
  const month = `${today.slice(0, 7)}-01`;
  const year = `${today.slice(0, 4)}-01-01`;
  switch (period) {
    case "today":
      return [today, today];
    case "7d":
      return [shifted(today, -6), today];
    case "30d":
      return [shifted(today, -29), today];
    case "90d":
      return [shifted(today, -89), today];
    case "month":
      return [month, today];
    case "last-month":
      return [`${shifted(month, -1).slice(0, 7)}-01`, shifted(month, -1)];
    case "year":
      return [year, today];
    case "last-year":
      return [`${shifted(year, -1).slice(0, 4)}-01-01`, shifted(year, -1)];
  }
}

/** The window that another one is compared with: as many days right before it, or the same days of the month or year before. */
export function spanBefore(span: Span, zone: string): Span {
  const days = Math.round((utc(span.to) - utc(span.from)) / DAY_MS);
  let from = shifted(span.from, -days - 1);
  let to = shifted(span.from, -1);
  if (span.period === "month" || span.period === "last-month") {
    from = `${shifted(span.from, -1).slice(0, 7)}-01`;
    // The month before may be shorter.
    to = earliest(shifted(from, days), shifted(span.from, -1));
  } else if (span.period === "year" || span.period === "last-year") {
    from = `${Number(span.from.slice(0, 4)) - 1}-01-01`;
    to = earliest(shifted(from, days), shifted(span.from, -1));
  }
  return { since: midnight(from, zone), until: midnight(shifted(to, 1), zone), from, to, period: undefined };
}

/** A period in words: "20 Oct – 19 Nov 2026". */
export function spanWords(span: Pick<Span, "from" | "to">): string {
  const [fromYear, fromMonth] = span.from.split("-");
  const [toYear, toMonth] = span.to.split("-");
  if (span.from === span.to) return dayWords(span.from);
  if (fromYear === toYear && fromMonth === toMonth) return `${Number(span.from.slice(8))}–${dayWords(span.to)}`;
  if (fromYear === toYear) return `${dayWords(span.from).slice(0, -5)} – ${dayWords(span.to)}`;
  return `${dayWords(span.from)} – ${dayWords(span.to)}`;
}

const words = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** A day in words: "19 Nov 2026". */
export function dayWords(date: string): string {
  return words.format(new Date(utc(date)));
}

/** A day of the calendar as YYYY-MM-DD; undefined for what is none. */
export function dateOf(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^(19|20)\d\d-\d\d-\d\d$/.test(value)) return undefined;
  const at = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value) ? value : undefined;
}

/** The day that it is somewhere. */
export function dateIn(at: Date, zone: string): string {
  const { year, month, day } = wall(at, zone);
  return `${year}-${month}-${day}`;
}

/** The instant at which a day begins in a zone. Where the clocks leave midnight out, it is the first that there is. */
export function midnight(date: string, zone: string): string {
  const wanted = utc(date);
  // What the wall shows at a guess tells how far off it is; a second look sees a change of the clocks in between.
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1) {
    const shown = wall(new Date(at), zone);
    const shownAt = Date.parse(
      `${shown.year}-${shown.month}-${shown.day}T${shown.hour}:${shown.minute}:${shown.second}Z`,
    );
    at += wanted - shownAt;
  }
  if (dateIn(new Date(at), zone) < date) at += 3_600_000;
  return new Date(at).toISOString();
}

/** All days of a window, in order; those to come are left out. */
export function daysIn(span: Pick<Span, "from" | "to">, clock: Clock): string[] {
  const last = earliest(span.to, dateIn(clock.now, clock.zone));
  const days: string[] = [];
  for (let day = span.from; day <= last; day = shifted(day, 1)) days.push(day);
  return days;
}

/** The hour that an instant is in, as the API writes it: 2026-11-19T14:00+01:00. */
export function hourIn(at: Date, zone: string): string {
  const { year, month, day, hour, minute, second } = wall(at, zone);
  const shown = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const minutes = Math.round((shown - at.getTime()) / 60_000);
  const two = (count: number) => String(count).padStart(2, "0");
  const size = Math.abs(minutes);
  const offset = minutes === 0 ? "Z" : `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${year}-${month}-${day}T${hour}:${minute}${offset}`;
}

/** The ISO week of a day, as the API writes it: 2026-W47. Weeks belong to the year of their Thursday. */
export function weekOf(date: string): string {
  const weekday = (new Date(utc(date)).getUTCDay() + 6) % 7;
  const thursday = shifted(date, 3 - weekday);
  const year = thursday.slice(0, 4);
  const week = Math.floor((utc(thursday) - utc(`${year}-01-01`)) / DAY_MS / 7) + 1;
  return `${year}-W${String(week).padStart(2, "0")}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wall(at: Date, zone: string) {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: knownZone(zone),
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const { year = "", month = "", day = "", hour = "", minute = "", second = "" } = parts;
  return { year, month, day, hour, minute, second };
}

const utc = (date: string) => Date.parse(`${date}T00:00:00Z`);
const shifted = (date: string, days: number) => new Date(utc(date) + days * DAY_MS).toISOString().slice(0, 10);
const earliest = (a: string, b: string) => (a < b ? a : b);
