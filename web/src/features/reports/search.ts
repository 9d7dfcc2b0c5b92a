import type { ReportQuery } from "#/api/queries/keys";
import { WEEK } from "#/features/reports/weeks";

/** What the address of reports says: the week, and whose spend. Without either it is the newest week that is over, and what the reader is told by default. */
export interface ReportSearch {
  week?: string | undefined;
  scope?: Scope | undefined;
  group?: string | undefined;
}

export const SCOPES = ["own", "all"] as const;
export type Scope = (typeof SCOPES)[number];

/** Reads an address; a group wins over a scope. */
export function reportSearch(search: Record<string, unknown>): ReportSearch {
  const group = typeof search.group === "string" && search.group !== "" ? search.group : undefined;
  return {
    week: WEEK.test(String(search.week)) ? String(search.week) : undefined,
    group,
    scope: group === undefined ? SCOPES.find((scope) => scope === search.scope) : undefined,
  };
}

/** What the server is asked for. */
export function queryOf({ week, scope, group }: ReportSearch, newest: string): ReportQuery {
  return { week: week ?? newest, scope, group };
}
