/** Where and when the reader is: passed in, so that what is shown depends on nothing else. */
export interface Clock {
  zone: string;
  now: Date;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { timeZone: knownZone(zone), ...options });
    formats.set(key, format);
  }
  return format;
}

/** The zone, or UTC where this browser does not know it (a host's zone may be named "Local"). */
export function knownZone(zone: string): string {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

const day = (at: Date, zone: string) =>
  formatOf(zone, { year: "numeric", month: "2-digit", day: "2-digit" }).format(at);

/** 14:05, or 14:05:09 with seconds. */
export function clockTime(at: string | Date, zone: string, seconds = false): string {
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
  return formatOf(zone, seconds ? { ...options, second: "2-digit" } : options).format(new Date(at));
}

/** The shortest unambiguous time of a record: 14:05 today, 18 Nov 14:05 this year, 18 Nov 2025 14:05 else. */
export function moment(at: string | undefined, clock: Clock, seconds = false): string {
  if (!at) return "–";
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return "–";
  const time = clockTime(when, clock.zone, seconds);
  if (day(when, clock.zone) === day(clock.now, clock.zone)) return time;
  const sameYear =
    formatOf(clock.zone, { year: "numeric" }).format(when) ===
    formatOf(clock.zone, { year: "numeric" }).format(clock.now);
  const date = formatOf(clock.zone, {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  }).format(when);
  return `${date} ${time}`;
}

/** Seconds from one time to another; undefined where either is missing. */
export function secondsBetween(from: string | Date | undefined, to: string | Date | undefined): number | undefined {
  if (!from || !to) return undefined;
  return Math.max(0, (new Date(to).getTime() - new Date(from).getTime()) / 1000);
}
