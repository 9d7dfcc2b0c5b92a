import type { Bill, BillLine, Cluster, Me, Process, Timeline } from "#/api/schema";

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
    scheduler_address: "tls://127.0.0.1:1",
    dashboard_url: "http://127.0.0.1:2/status",
    url: "",
    created_at: "2026-11-19T09:49:00Z",
    started_at: "2026-11-19T09:50:00Z",
    currency: "USD",
    rate_nanos_per_hour: 310_000_000,
    cost_nanos: 21_554_190,
    n_workers_running: 4,
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
  file = "/home/ana/flights.py",
): BillLine {
  return {
    file,
    line: number,
    function: "main",
    text,
    cost_nanos: cost,
    thread_seconds: cost / 1e5,
    cpu_seconds: cost / 2e5,
    prefixes: [{ prefix, cost_nanos: cost, thread_seconds: cost / 1e5 }],
  };
}

export function bill(changes: Partial<Bill> = {}): Bill {
  const lines = [
    line(13, 2_112_421, 'out["windy"] = speed > 20', "wind_class"),
    line(19, 7_412_333, 'flights = dd.read_csv("flights-*.csv")', "read-csv"),
    line(3, 154_001, "df.describe()", "describe", "cell:9f3c2ab81234"),
  ];
  const categories = [
    { name: "overhead.scheduler", cost_nanos: 4_100_002, thread_seconds: 222 },
    { name: "idle.no_work", cost_nanos: 3_900_211, thread_seconds: 115 },
    { name: "idle.waiting_data", cost_nanos: 711_310, thread_seconds: 21 },
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
