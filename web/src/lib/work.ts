/** The kinds of work that have a colour of their own, in the order of keys and legends. */
export const KINDS = ["read", "write", "group", "move", "train", "python", "other"] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_WORDS: Record<Kind, string> = {
  read: "read",
  write: "write",
  group: "group, sort",
  move: "merge, shuffle",
  train: "train, predict",
  python: "python",
  other: "other work",
};

/** The word for what no rule names. */
const UNKNOWN = "unknown";

/** What an operation is called and which kind of work it belongs to, by its first word; docs/operations.md lists them. */
export const OPERATIONS: Record<string, readonly [Kind, string]> = {
  read: ["read", "Read"],
  storage: ["read", "Storage I/O"],
  decompress: ["read", "Decompress"],
  convert: ["read", "Convert"],
  write: ["write", "Write"],
  compress: ["write", "Compress"],
  groupby: ["group", "Group by"],
  sort: ["group", "Sort"],
  filter: ["group", "Filter"],
  join: ["move", "Join"],
  concat: ["move", "Concatenate"],
  shuffle: ["move", "Shuffle"],
  serialise: ["move", "Serialise"],
  train: ["train", "Train"],
  predict: ["train", "Predict"],
  user: ["python", "Your own Python"],
  dataframe: ["other", "Other table work"],
  array: ["other", "Array maths"],
  gpu: ["other", "GPU"],
  import: ["other", "Import modules"],
  dask: ["other", "Dask's own work"],
  [UNKNOWN]: ["other", "Work of no known kind"],
};

/** What the second word of an operation is called, where that is not simply itself. */
const NAMES: Record<string, string> = {
  csv: "CSV",
  json: "JSON",
  orc: "ORC",
  hdf: "HDF",
  sql: "SQL",
  xml: "XML",
  html: "HTML",
  sas: "SAS",
  netcdf: "NetCDF",
  tiff: "TIFF",
  parquet: "Parquet",
  zarr: "Zarr",
  excel: "Excel",
  feather: "Feather",
  avro: "Avro",
  stata: "Stata",
  string: "to strings",
  storage: "to storage",
  image: "images",
  xgboost: "XGBoost",
  lightgbm: "LightGBM",
  catboost: "CatBoost",
  sklearn: "scikit-learn",
  torch: "PyTorch",
  tensorflow: "TensorFlow",
  cupy: "CuPy",
};

/** The kind of work that an operation belongs to; one that this build does not know is "other". */
export function kindOf(operation: string): Kind {
  return OPERATIONS[family(operation)]?.[0] ?? "other";
}

/** An operation in words: "read.csv" is "Read CSV". One that this build does not know is spelt out. */
export function operationWords(operation: string): string {
  const [first = "", ...rest] = operation.split(".");
  const verb = OPERATIONS[first]?.[1] ?? capital(first.replaceAll("_", " "));
  const object = rest.map((part) => NAMES[part] ?? part.replaceAll("_", " ")).join(" ");
  return [verb || OPERATIONS[UNKNOWN]?.[1], object].filter(Boolean).join(" ");
}

const family = (operation: string) => operation.split(".")[0] ?? "";
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** How money that is on no line looks. */
export type RestLook = "idle" | "over" | "lost" | "gap" | "smaller" | "unattributed" | "unknown";

/** The category of what an answer did not list for being small; no server has one of this name. */
export const SMALLER = "smaller";

/** How a category of money that is on no line looks, is called and came about. */
export interface CategoryWords {
  look: RestLook;
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
  "idle.gpu": { look: "idle", name: "Idle GPUs", why: "GPUs were held and paid for, and nothing ran on them." },
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
  "lost.worker": {
    look: "lost",
    name: "Lost with a worker",
    why: "A worker ended without its last report: what it did since the one before is gone with it.",
  },
  "lost.telemetry": {
    look: "gap",
    name: "Reports lost",
    why: "The worker ran on, but its reports of this time never arrived.",
  },
  [SMALLER]: {
    look: "smaller",
    name: "Smaller lines",
    why: "Too small to be listed one by one; filters bring them forward.",
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
  if (name.startsWith("lost."))
    return { look: "lost", name: `Lost, ${reason}`, why: "Paid for, and its report is gone." };
  return { look: "unattributed", name, why: "On no line." };
}
