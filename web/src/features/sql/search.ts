/** What the tables hold: all, or so many days up to now. */
export const SQL_PERIODS = ["7", "30", "90", "365"] as const;

export type SqlPeriod = (typeof SQL_PERIODS)[number];

/** What the address of the page holds: the statement that ran last, and how far back its tables went. */
export interface SqlSearch {
  q?: string | undefined;
  period?: SqlPeriod | undefined;
}

export function sqlPeriod(value: unknown): SqlPeriod | undefined {
  return SQL_PERIODS.find((days) => days === value);
}

const DAY_MS = 86_400_000;

/** Where a period begins; nowhere where there is none. */
export function sqlSince(period: SqlPeriod | undefined, now: Date): string | undefined {
  return period && new Date(now.getTime() - Number(period) * DAY_MS).toISOString();
}
