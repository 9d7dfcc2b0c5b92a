/** All that money can be grouped and filtered by, in the order of the choice; docs/cost.md says what each is. */
export const DIMENSIONS = [
  "group",
  "user",
  "project",
  "name",
  "cluster",
  "backend",
  "kind",
  "category",
  "operation",
  "library",
  "file",
  "function",
  "line",
  "leaf",
  "task",
  "month",
  "week",
  "day",
  "hour",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** What each is called, one and many, and what stands where there is none. */
const WORDS: Record<Dimension, readonly [one: string, many: string, none: string]> = {
  group: ["Group", "groups", "no group"],
  user: ["User", "users", "nobody"],
  project: ["Project", "projects", "no project"],
  name: ["Cluster name", "names", "no name"],
  cluster: ["Cluster", "clusters", "no cluster"],
  backend: ["Backend", "backends", "no backend"],
  kind: ["Kind", "kinds", "no kind"],
  category: ["Category", "categories", "no category"],
  operation: ["Operation", "operations", "no operation"],
  library: ["Library", "libraries", "no library"],
  file: ["File", "files", "on no line"],
  function: ["Function", "functions", "in no function"],
  line: ["Line", "lines", "on no line"],
  leaf: ["Line where threads stood", "lines", "on no line"],
  task: ["Task prefix", "prefixes", "no task"],
  month: ["Month", "months", "no month"],
  week: ["Week", "weeks", "no week"],
  day: ["Day", "days", "no day"],
  hour: ["Hour", "hours", "no hour"],
};

/** Dimensions of time: their rows are listed by time. */
export const TIMES = ["month", "week", "day", "hour"] as const satisfies readonly Dimension[];

export function isTime(dimension: Dimension): boolean {
  return (TIMES as readonly Dimension[]).includes(dimension);
}

export function isDimension(value: unknown): value is Dimension {
  return (DIMENSIONS as readonly unknown[]).includes(value);
}

export const titleOf = (dimension: Dimension) => WORDS[dimension][0];
export const manyOf = (dimension: Dimension) => WORDS[dimension][1];
export const noneOf = (dimension: Dimension) => WORDS[dimension][2];
