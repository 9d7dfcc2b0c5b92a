/** The kinds of work that have a colour of their own, in the order of keys and legends. */
export const KINDS = ["read", "write", "group", "move", "train", "python"] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_WORDS: Record<Kind, string> = {
  read: "read",
  write: "write",
  group: "group, sort",
  move: "merge, shuffle",
  train: "train, predict",
  python: "python",
};

// Tried in order: "read-csv-fused-groupby" begins with what it mostly does, so the start of a prefix outranks its rest.
const RULES: readonly (readonly [Kind, RegExp])[] = [
  ["read", /^(read|from[-_]|open|load|fetch|download|imread|scan)/],
  ["write", /^(to[-_]|write|store|save|dump|upload)/],
  ["train", /(^|[-_])(fit|train|predict|xgb|lgb|score)/],
  ["move", /(merge|join|shuffle|rechunk|repartition|concat|broadcast|p2p|transfer)/],
  [
    "group",
    /(group|agg|sort|quantile|unique|value[-_]counts|nlargest|nsmallest|reduc|chunk|combine|^(sum|mean|std|var|min|max|count)\b)/,
  ],
  ["read", /read/],
];

/** What kind of work a Dask task prefix names; a user's own function is "python". */
export function kindOf(prefix: string): Kind {
  const name = prefix.toLowerCase();
  return RULES.find(([, pattern]) => pattern.test(name))?.[0] ?? "python";
}

/** The kind that most of a line's money went to. */
export function kindOfLine(prefixes: readonly { prefix: string; cost_nanos: number }[]): Kind {
  const sums = new Map<Kind, number>();
  for (const part of prefixes) {
    const kind = kindOf(part.prefix);
    sums.set(kind, (sums.get(kind) ?? 0) + part.cost_nanos);
  }
  let best: Kind = "python";
  for (const [kind, sum] of sums) if (sum > (sums.get(best) ?? -1)) best = kind;
  return best;
}

/** How a category of money that is on no line looks, is called and came about. */
export interface CategoryWords {
  look: "idle" | "over" | "unattributed" | "unknown";
  name: string;
  why: string;
}

const CATEGORIES: Record<string, CategoryWords> = {
  "idle.no_work": { look: "idle", name: "Idle, nothing submitted", why: "The cluster had no task to run." },
  "idle.starved": {
    look: "idle",
    name: "Idle, tasks elsewhere",
    why: "Tasks waited in the cluster, but none reached this worker.",
  },
  "idle.waiting_data": {
    look: "idle",
    name: "Idle, waiting for data",
    why: "Threads waited for results to arrive from other workers.",
  },
  "idle.paused": { look: "idle", name: "Idle, paused", why: "The worker was out of memory and took no new task." },
  "idle.holding": {
    look: "idle",
    name: "Idle, holding results",
    why: "Nothing ran, but results were kept in memory for a client.",
  },
  "idle.starting": { look: "idle", name: "Idle, starting", why: "The worker was up but not yet ready for tasks." },
  "idle.closing": { look: "idle", name: "Idle, closing", why: "The worker was on its way out." },
  "overhead.dask": {
    look: "over",
    name: "Dask overhead",
    why: "Time in a task's slot around the user's code: hand-over, loading, moving.",
  },
  "overhead.scheduler": {
    look: "over",
    name: "Scheduler",
    why: "The process that hands out tasks; it runs none itself.",
  },
  unattributed: {
    look: "unattributed",
    name: "Work on no line",
    why: "Tasks ran, but neither their stack nor their submission names a line.",
  },
  unknown: {
    look: "unknown",
    name: "Unknown",
    why: "Paid for, but not observed. Never spread over lines and never called idle.",
  },
};

/** The words of a category; one that this build does not know keeps its own name. */
export function categoryWords(name: string): CategoryWords {
  const known = CATEGORIES[name];
  if (known) return known;
  const reason = name.slice(name.indexOf(".") + 1).replaceAll("_", " ");
  if (name.startsWith("idle.")) return { look: "idle", name: `Idle, ${reason}`, why: "No task ran." };
  if (name.startsWith("overhead.")) return { look: "over", name: `Overhead, ${reason}`, why: "Not in user code." };
  return { look: "unattributed", name, why: "On no line." };
}
