/** Keys of everything the pages hold of the server's data. */
export const keys = {
  me: ["me"] as const,
  tokens: ["tokens"] as const,
  clusters: ["clusters"] as const,
  clusterList: (status: string) => ["clusters", "list", status] as const,
  cluster: (id: string) => ["clusters", "one", id] as const,
  part: (id: string, part: "bill" | "timeline" | "processes" | "events") => ["clusters", "one", id, part] as const,
  logs: (id: string, process: string, tailBytes: number) =>
    ["clusters", "one", id, "logs", process, tailBytes] as const,
  source: (id: string, file: string) => ["clusters", "one", id, "source", file] as const,
};
