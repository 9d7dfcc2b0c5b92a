import type {
  Bill,
  BillLine,
  Cluster,
  CostBreakdown,
  Environment,
  Me,
  Overview,
  PackageList,
  PackageUse,
  Process,
  ReadList,
  ResourceList,
  Submission,
  SubmissionList,
  Timeline,
} from "#/api/schema";

/** Data as the server sends it, for tests of what only odd moments show: refusals, silence, emptiness. */

const rates = {
  currency: "USD",
  core_hour_nanos: 40_000_000,
  gigabyte_hour_nanos: 5_000_000,
  source: "a test's price",
};

export const me: Me = {
  user: { id: "u1", name: "Ruth Adeyemi", role: "admin" },
  version: "0.0.0-test",
  organisation: "Fjordlight",
  time_zone: "Europe/Berlin",
  rates,
  groups: [],
};

export function cluster(changes: Partial<Cluster> = {}): Cluster {
  return {
    id: "c1",
    name: "backtest",
    owner: me.user,
    backend: "local",
    options: { n_workers: 4, nthreads: 2 },
    status: "running",
    target: "running",
    reason: "",
    group: "",
    scheduler_address: "tls://127.0.0.1:1",
    dashboard_url: "http://127.0.0.1:2/status",
    url: "",
    created_at: "2026-11-19T09:49:00Z",
    started_at: "2026-11-19T09:50:00Z",
    currency: "USD",
    rate_nanos_per_hour: 310_000_000,
    cost_nanos: 21_554_190,
    n_workers_running: 4,
    watched: false,
    deployment: "",
    method: "agent",
    away: false,
    gauges: {
      at: "2026-11-19T09:55:00Z",
      workers: 4,
      threads: 8,
      clients: 1,
      processing: 3,
      queued: 1,
      waiting: 11,
      no_worker: 0,
      in_memory: 8,
      erred: 0,
      managed_bytes: 1_200_000_000,
      spilled_bytes: 0,
    },
    ...changes,
  };
}

export function line(
  number: number,
  cost: number,
  text: string,
  prefix: string,
  changes: Partial<BillLine> = {},
): BillLine {
  const file = changes.file ?? "/home/ana/flights.py";
  return {
    file,
    line: number,
    function: "main",
    text,
    cost_nanos: cost,
    thread_seconds: cost / 1e5,
    cpu_seconds: cost / 2e5,
    native_seconds: 0,
    origin_file: file,
    origin_line: number,
    origin_function: "main",
    origin_text: text,
    origin_level: "created",
    operation: "user",
    library: "",
    prefixes: [{ prefix, cost_nanos: cost, thread_seconds: cost / 1e5 }],
    ...changes,
  };
}

export function bill(changes: Partial<Bill> = {}): Bill {
  const read = { operation: "read.csv", library: "pandas" };
  const at19 = { origin_line: 19, origin_text: 'flights = dd.read_csv("flights-*.csv")' };
  const lines = [
    line(13, 2_112_421, 'out["windy"] = speed > 20', "wind_class", {
      origin_line: 21,
      origin_function: "load",
      origin_text: "flights = flights.map_partitions(wind_class)",
    }),
    line(19, 6_000_000, 'flights = dd.read_csv("flights-*.csv")', "read-csv", {
      ...read,
      ...at19,
      native_seconds: 12,
      shared_with: ["/home/ana/report.py:7"],
    }),
    line(31, 1_412_333, "delays.compute()", "read-csv", { ...at19, operation: "decompress", library: "fsspec" }),
    line(3, 154_001, "df.describe()", "describe", { file: "cell:9f3c2ab81234", origin_level: "submitted" }),
  ];
  const categories = [
    { name: "overhead.scheduler", cost_nanos: 4_100_002, thread_seconds: 222 },
    { name: "idle.no_work", cost_nanos: 3_900_211, thread_seconds: 115 },
    { name: "idle.waiting_data", cost_nanos: 711_310, thread_seconds: 21 },
    { name: "lost.worker", cost_nanos: 152_000, thread_seconds: 2 },
    { name: "lost.telemetry", cost_nanos: 131_000, thread_seconds: 1 },
  ];
  const unknown = 80_412;
  const total = [...lines, ...categories].reduce((sum, part) => sum + part.cost_nanos, unknown);
  return {
    cluster_id: "c1",
    currency: "USD",
    start: "2026-11-19T09:50:00Z",
    as_of: "2026-11-19T09:55:00Z",
    total_nanos: total,
    lines,
    categories,
    unknown_nanos: unknown,
    coverage_seconds: 990,
    capacity_seconds: 1000,
    origin_seconds: 97,
    work_seconds: 100,
    rules_version: 3,
    method: "agent",
    rates,
    ...changes,
  };
}

export const timeline: Timeline = {
  start: "2026-11-19T09:50:00Z",
  end: "2026-11-19T09:51:40Z",
  step_seconds: 10,
  rows: [
    {
      process_id: "p1",
      name: "w-0",
      started_at: "2026-11-19T09:50:05Z",
      bins: [
        { "idle.starting": 0.5 },
        ...Array.from({ length: 7 }, () => ({ work: 0.9, "overhead.dask": 0.1 })),
        {},
        { "idle.no_work": 1 },
      ],
    },
  ],
};

export const processes: Process[] = [
  {
    id: "p0",
    role: "scheduler",
    name: "scheduler",
    generation: 1,
    status: "running",
    target: "running",
    reason: "",
    nthreads: 1,
    memory_bytes: 0,
    rate_nanos_per_hour: 40_000_000,
    cost_nanos: 4_100_002,
    handle: "1",
    created_at: "2026-11-19T09:49:00Z",
    started_at: "2026-11-19T09:50:00Z",
  },
  {
    id: "p1",
    role: "worker",
    name: "w-0",
    generation: 1,
    status: "running",
    target: "running",
    reason: "",
    nthreads: 2,
    memory_bytes: 2_000_000_000,
    rate_nanos_per_hour: 90_000_000,
    cost_nanos: 9_000_000,
    handle: "2",
    created_at: "2026-11-19T09:49:00Z",
    started_at: "2026-11-19T09:50:05Z",
  },
];

export function submission(id: number, changes: Partial<Submission> = {}): Submission {
  return {
    id,
    at: `2026-11-19T09:5${id}:00Z`,
    client: `Client-${id}`,
    file: "/home/ana/flights.py",
    line: 31,
    function: "main",
    text: "delays.compute()",
    tasks: 120,
    levels: { name: 100, token: 15, call: 0, dependents: 0, none: 5 },
    span: [],
    tags: { project: "churn" },
    user: "ana",
    host: "laptop",
    kind: "notebook",
    path: "/home/ana/backtest.ipynb",
    commit: "9d04be1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    dirty: true,
    cost_nanos: 6_000_000,
    thread_seconds: 60,
    ...changes,
  };
}

export const submissions: SubmissionList = {
  currency: "USD",
  items: [
    submission(2, { user: "mei", tags: {}, kind: "script", path: "run.py", commit: "", dirty: false, tasks: 8 }),
    submission(1, { cost_nanos: 3_678_755 }),
  ],
};

export const reads: ReadList = {
  currency: "USD",
  items: [
    {
      direction: "read",
      path: "s3://obs/flights-*.csv.gz",
      format: "csv",
      engine: "c",
      compression: "gzip",
      files: 6,
      tasks: 96,
      bytes: 1_900_000_000,
      columns: 12,
      columns_used: 2,
      pushed_down: false,
      origin_file: "/home/ana/flights.py",
      origin_line: 19,
      origin_text: 'flights = dd.read_csv("flights-*.csv")',
      cost_nanos: 7_412_333,
      thread_seconds: 74,
    },
    {
      direction: "write",
      path: "out/part.*.parquet",
      format: "parquet",
      engine: "pyarrow",
      compression: "snappy",
      files: 0,
      tasks: 4,
      bytes: 0,
      columns: 0,
      columns_used: 0,
      pushed_down: false,
      origin_file: "/home/ana/flights.py",
      origin_line: 40,
      origin_text: "out.to_parquet(path)",
      cost_nanos: 10_000,
      thread_seconds: 1,
    },
  ],
};

const gpu = {
  index: 0,
  name: "NVIDIA L4",
  observed_seconds: 100,
  memory_total_bytes: 24_000_000_000,
  energy_joules: 7200,
};

export const resources: ResourceList = {
  start: "2026-11-19T09:50:00Z",
  end: "2026-11-19T09:50:40Z",
  step_seconds: 10,
  items: [
    {
      process_id: "p1",
      name: "w-0",
      memory_limit_bytes: 4_000_000_000,
      cpu_cores: [0.5, 1.5, null, 1],
      rss_bytes: [1e9, 3.8e9, null, 2e9],
      managed_bytes: [5e8, 2e9, null, 1e9],
      spilled_bytes: [0, 1e9, null, 0],
      transfer_bytes: [1e8, 4e8, null, 0],
      disk_bytes: [null, null, null, null],
      gpus: [
        {
          ...gpu,
          uuid: "GPU-1",
          idle_seconds: 25,
          utilisation: 0.6,
          sm_activity: 0.41,
          memory_peak_bytes: 12_000_000_000,
          utilisation_bins: [0, 0.7, null, 0.9],
        },
        {
          ...gpu,
          uuid: "GPU-2",
          index: 1,
          idle_seconds: 100,
          utilisation: 0,
          memory_peak_bytes: 400_000_000,
          utilisation_bins: [0, 0, 0, 0],
        },
      ],
    },
  ],
};

export function use(name: string, version: string, changes: Partial<PackageUse> = {}): PackageUse {
  return {
    name,
    version,
    grade: "seen",
    cluster_id: "c1",
    cluster_name: "backtest",
    owner: "Ruth Adeyemi",
    where: ["client", "worker"],
    environment: "e".repeat(64),
    python: "3.11.7",
    last_at: "2026-11-19T09:55:00Z",
    cost_nanos: 9_000_000,
    cluster_cost_nanos: 18_000_000,
    ...changes,
  };
}

export const packages: PackageList = {
  currency: "USD",
  skipped: 1,
  items: [
    use("xgboost", "1.7.6"),
    use("xgboost", "1.10.0", {
      grade: "installed",
      cluster_id: "c2",
      cluster_name: "nightly",
      owner: "Mei Tanaka",
      cost_nanos: 0,
      last_at: "2026-11-18T09:55:00Z",
    }),
  ],
};

export const environment: Environment = {
  id: "e".repeat(64),
  python: "3.11.7",
  implementation: "CPython",
  platform: "Linux-6.1-x86_64",
  details: { glibc: "2.36" },
  packages: [
    { name: "xgboost", version: "1.7.6", manager: "pip" },
    { name: "pandas", version: "3.1.1", manager: "conda" },
  ],
};

/** An answer to a question of cost. */
export function spent(by: string[], rows: CostBreakdown["rows"], more: Partial<CostBreakdown> = {}): CostBreakdown {
  const total = rows.reduce((sum, row) => sum + row.cost_nanos, 0);
  return {
    currency: "USD",
    by,
    where: [],
    start: "2026-10-20T22:00:00Z",
    end: "2026-11-19T10:00:00Z",
    zone: "Europe/Berlin",
    figures: "metered",
    total_nanos: total,
    all_nanos: total,
    metered_total_nanos: total,
    unplaced_nanos: 0,
    invoices: [],
    unseen_nanos: 0,
    rows,
    rest_nanos: 0,
    rest_rows: 0,
    clusters: 3,
    names: {},
    rules_version: 4,
    rates: me.rates,
    coverage: 1,
    prices: [],
    as_of: "2026-11-19T09:59:00Z",
    notes: [],
    sql: "",
    rows_read: 0,
    segments: 0,
    ...more,
  };
}

const DOLLAR = 1_000_000_000;
/** Spend of 19 days: what weekdays and weekends cost, and an odd Thursday. */
const spendByDay = [
  932, 1726, 1768, 1610, 1690, 1702, 884, 991, 1726, 1768, 2087, 2008, 1810, 1023, 938, 1748, 1823, 2112, 1071,
];

/** The overview of a month so far, of seven payers. Its parts add up. */
export function overview(changes: Partial<Overview> = {}): Overview {
  const days = spendByDay.map((amount) => amount * DOLLAR);
  const total = days.reduce((sum, amount) => sum + amount, 0);
  const weights = [33, 30, 18, 11, 5, 2, 1];
  const names = ["ana", "ben", "cleo", "dev", "", "emma", "farid"];
  const payers = names.map((key, index) => {
    const spent = days.map((amount) => (amount * (weights[index] ?? 0)) / 100);
    return {
      key,
      cost_nanos: spent.reduce((sum, amount) => sum + amount, 0),
      before_nanos: (index + 1) * 900 * DOLLAR,
      days_nanos: index < 6 ? spent : [],
    };
  });
  const part = (
    kind: Overview["split"][number]["kind"],
    name: string,
    share: number,
    fixer: Overview["split"][number]["fixer"] = "",
  ): Overview["split"][number] => ({
    kind,
    name,
    cost_nanos: (total * share) / 1000,
    before_nanos: (total * share) / 1100,
    waste: fixer !== "" && kind !== "unknown",
    fixer,
    advice: fixer === "" ? "" : `Mend ${name}.`,
    owners: fixer === "owner" ? [{ user: "ana", cost_nanos: (total * share) / 2000 }] : [],
    more_owners: fixer === "owner" ? 2 : 0,
  });
  const line = (file: string, number: number, operation: string, payer: string, dollars: number, before: number) => ({
    file: `/home/${payer}/${file}`,
    line: number,
    text: operation === "read.csv" ? 'df = dd.read_csv(path, parse_dates=["time"])' : "",
    operation,
    payer,
    cluster_id: "c1",
    cost_nanos: dollars * DOLLAR,
    before_nanos: before * DOLLAR,
  });
  const mover = (key: string, dollars: number, before: number) => ({
    key,
    cost_nanos: dollars * DOLLAR,
    before_nanos: before * DOLLAR,
  });
  return {
    currency: "USD",
    zone: "Europe/Berlin",
    month: "2026-11",
    start: "2026-10-31T23:00:00Z",
    end: "2026-11-30T23:00:00Z",
    until: "2026-11-19T13:32:00Z",
    as_of: "2026-11-19T13:31:58Z",
    notes: [],
    before_start: "2026-09-30T22:00:00Z",
    before_end: "2026-10-19T12:00:00Z",
    whole: true,
    total_nanos: total,
    before_nanos: 27_100 * DOLLAR,
    waste_nanos: (total * 290) / 1000,
    waste_before_nanos: (total * 290) / 1100,
    unseen_nanos: (total * 10) / 1000,
    clusters: 1906,
    first_day: "2026-11-01",
    days_nanos: days,
    forecast: {
      low_nanos: 44_900 * DOLLAR,
      mid_nanos: 46_700 * DOLLAR,
      high_nanos: 48_900 * DOLLAR,
      history_days: 84,
      tested: 60,
      path: Array.from({ length: 12 }, (_, index) => {
        const mid = total + ((46_700 * DOLLAR - total) * (index + 1)) / 12;
        const wide = (2_200 * DOLLAR * (index + 1)) / 12;
        return index === 11
          ? { low_nanos: 44_900 * DOLLAR, mid_nanos: 46_700 * DOLLAR, high_nanos: 48_900 * DOLLAR }
          : { low_nanos: mid - wide, mid_nanos: mid, high_nanos: mid + wide };
      }),
    },
    no_forecast: "",
    split: [
      part("work", "read.csv", 400),
      part("work", "train.xgboost", 300),
      part("idle", "idle.no_work", 150, "owner"),
      part("idle", "idle.holding", 80, "owner"),
      part("overhead", "overhead.dask", 40, "owner"),
      part("lost", "lost.worker", 20, "owner"),
      part("unknown", "unknown", 10, "platform"),
    ],
    by: "user",
    payers,
    lines: [
      line("load.py", 14, "read.csv", "ana", 3184, 2769),
      line("train.py", 88, "train.xgboost", "ben", 2941, 3100),
      line("features.py", 52, "join", "cleo", 1772, 0),
    ],
    lines_nanos: 20_592 * DOLLAR,
    rest_nanos: 12_695 * DOLLAR,
    rest_lines: 1214,
    movers: [
      { by: "user", items: [mover("ana", 9842, 6100), mover("dev", 0, 900)] },
      { by: "operation", items: [mover("read.csv", 3184, 2769), mover("idle.no_work", 2106, 900)] },
      { by: "line", items: [mover("/home/ana/load.py:14", 3184, 2769)] },
    ],
    anomalies: [
      {
        by: "user",
        key: "ben",
        first_day: "2026-11-18",
        last_day: "2026-11-18",
        cost_nanos: 900 * DOLLAR,
        usual_nanos: 120 * DOLLAR,
        sentence:
          "ben spent $900 on Wed 18 Nov, where such a day usually costs $120; no day of the 56 before cost more than $310.",
      },
    ],
    questions: [
      {
        about: "spend by day, and the forecast",
        by: ["day"],
        path: "/api/v1/cost/breakdown?by=day",
        start: "2026-08-08T22:00:00Z",
        end: "2026-11-19T14:00:00Z",
        rows: 103,
        total_nanos: 120_000 * DOLLAR,
        clusters: 5000,
      },
      {
        about: "where the money went",
        by: ["kind", "operation"],
        path: "/api/v1/cost/breakdown?by=kind%2Coperation",
        start: "2026-10-31T23:00:00Z",
        end: "2026-11-19T14:00:00Z",
        rows: 7,
        total_nanos: total,
        clusters: 1906,
      },
    ],
    rates,
    ...changes,
  };
}

/** An installation on which nothing has cost anything. */
export function noOverview(): Overview {
  const { forecast: _, ...rest } = overview();
  return {
    ...rest,
    total_nanos: 0,
    before_nanos: 0,
    waste_nanos: 0,
    waste_before_nanos: 0,
    unseen_nanos: 0,
    clusters: 0,
    days_nanos: Array.from({ length: 19 }, () => 0),
    no_forecast: "A forecast needs 14 whole days of spend to learn from; there is none so far.",
    split: [],
    payers: [],
    lines: [],
    lines_nanos: 0,
    rest_nanos: 0,
    rest_lines: 0,
    movers: [{ by: "operation", items: [] }],
    anomalies: [],
  };
}
