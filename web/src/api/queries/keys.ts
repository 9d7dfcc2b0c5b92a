/** What is asked about packages. */
export interface PackageQuery {
  name?: string | undefined;
  version?: string | undefined;
  grade?: "installed" | "imported" | "seen" | undefined;
  cluster?: string | undefined;
}

/** A question of cost. */
export interface CostQuery {
  by: readonly string[];
  where: readonly string[];
  since: string;
  until?: string | undefined;
  limit?: number | undefined;
  /** Metered if it is missing. */
  figures?: "invoiced" | undefined;
}

/** A period of time: a month, or from one moment to another. */
export interface PeriodQuery {
  month?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/** A week's report: 2026-W47, and whose. */
export interface ReportQuery {
  week: string;
  scope?: "own" | "all" | undefined;
  group?: string | undefined;
}

/** Parts of a cluster that are read on their own. */
type Part = "bill" | "timeline" | "processes" | "events" | "submissions" | "reads" | "resources" | "seen";

/** Keys of everything the pages hold of the server's data. */
export const keys = {
  me: ["me"] as const,
  tokens: ["tokens"] as const,
  users: ["users"] as const,
  groups: ["groups"] as const,
  members: (group: string) => ["groups", group, "members"] as const,
  overview: (period: PeriodQuery) => ["overview", period] as const,
  report: (query: ReportQuery) => ["reports", query] as const,
  reportMail: ["reports", "mail"] as const,
  clusters: ["clusters"] as const,
  clusterList: (status: string) => ["clusters", "list", status] as const,
  cluster: (id: string) => ["clusters", "one", id] as const,
  part: (id: string, part: Part) => ["clusters", "one", id, part] as const,
  logs: (id: string, process: string, tailBytes: number) =>
    ["clusters", "one", id, "logs", process, tailBytes] as const,
  packages: (query: PackageQuery) => ["packages", query] as const,
  sqlTables: ["sql", "tables"] as const,
  environment: (id: string) => ["environments", id] as const,
  breakdown: (query: CostQuery) => ["cost", "breakdown", query] as const,
  sourceAnywhere: (file: string, clusters: readonly string[]) => ["source", file, clusters] as const,
  source: (id: string, file: string) => ["clusters", "one", id, "source", file] as const,
};
