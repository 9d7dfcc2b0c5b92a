import { createHash } from "node:crypto";

/** What telemetry is made of. */
type Value = number | string | boolean | Uint8Array | readonly Value[] | { readonly [name: string]: Value };

/** Writes MessagePack: what the server's ingest reads. */
export function msgpack(value: Value): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const head = (size: number, write: (view: DataView) => void) => {
    const bytes = new Uint8Array(size);
    write(new DataView(bytes.buffer));
    parts.push(bytes);
  };
  const counted = (code: number, length: number) =>
    head(5, (view) => {
      view.setUint8(0, code);
      view.setUint32(1, length);
    });
  const add = (one: Value): void => {
    if (typeof one === "boolean") parts.push(Uint8Array.of(one ? 0xc3 : 0xc2));
    else if (typeof one === "number") {
      head(9, (view) => {
        view.setUint8(0, 0xd3);
        view.setBigInt64(1, BigInt(one));
      });
    } else if (typeof one === "string") {
      const bytes = new TextEncoder().encode(one);
      counted(0xdb, bytes.length);
      parts.push(bytes);
    } else if (one instanceof Uint8Array) {
      counted(0xc6, one.length);
      parts.push(one);
    } else if (Array.isArray(one)) {
      counted(0xdd, one.length);
      for (const item of one as readonly Value[]) add(item);
    } else {
      const entries = Object.entries(one as { readonly [name: string]: Value });
      counted(0xdf, entries.length);
      for (const [name, item] of entries) {
        add(name);
        add(item);
      }
    }
  };
  add(value);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A file of user code whose lines did work. */
export interface RanFile {
  file: string;
  lines: number;
  /** Whether its text is sent, too. */
  text?: boolean;
}

const WINDOW_MINUTES = 20;
const THREADS = 2;
/** Origins and ledger rows of one batch. */
const BATCH_LINES = 2000;

/** Operations that lines take turns in, by the package that was on top of their stack. */
const TOPS = [
  ["/venv/lib/python3.11/site-packages/pandas/io/parsers/readers.py", "read_csv"],
  ["/venv/lib/python3.11/site-packages/pandas/core/groupby/groupby.py", "mean"],
  ["/venv/lib/python3.11/site-packages/pandas/core/reshape/merge.py", "merge"],
] as const;

/**
 * Reports, as an agent would, that a cluster which runs elsewhere ran some lines of code in the minutes before now: through the same
 * announcement and the same ingest, and ended then. The lines of a cluster cost less and less; a third of its time was idle.
 */
export async function reportWork(url: string, code: string, name: string, files: readonly RanFile[]): Promise<string> {
  const post = async (path: string, token: string, body: unknown) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<Record<string, unknown>>;
  };
  const { secret } = await post("/tokens", "", { name: "e2e", code });
  const answer = (await post("/clusters/watched", String(secret), {
    name,
    deployment: "manual",
    scheduler_address: "tcp://lab-7.example:8786",
    scheduler_id: `Scheduler-${name}`,
  })) as { cluster: { id: string }; process: string; agent_token: string };

  const t1 = Date.now() * 1000;
  const t0 = t1 - WINDOW_MINUTES * 60_000_000;
  const epoch = createHash("sha256").update(name).digest("hex").slice(0, 16);
  let seq = 0;
  const send = async (...batches: { readonly [name: string]: Value }[]) => {
    const packed = batches.map((batch) => msgpack({ v: 1, epoch, seq: seq++, ...batch }));
    const response = await fetch(`${url}/ingest/v1/batches`, {
      method: "POST",
      headers: { "Content-Type": "application/msgpack", Authorization: `Bearer ${answer.agent_token}` },
      body: msgpack({ v: 1, agent: "e2e", batches: packed }),
    });
    const said = (await response.json()) as { rejected?: unknown[] };
    if (!response.ok || said.rejected?.length) throw new Error(`ingest: ${response.status} ${JSON.stringify(said)}`);
  };

  const worker = `${answer.cluster.id}-w-0123abcd`;
  const submission = {
    id: 1,
    at_us: t0,
    client: "Client-a",
    file: "/home/ana/run.py",
    line: 3,
    function: "main",
    text: "df.compute()",
    tasks: 12,
    tags: { project: "churn" },
    levels: { name: 11 },
  };
  const process = { process: worker, name: "w", host: "lab-7", nthreads: THREADS, memory_bytes: 4e9, started_us: t0 };
  await send({
    kind: "scheduler",
    process: answer.process,
    t0_us: t0,
    t1_us: t1,
    submissions: [submission],
    workers: [process],
  });

  const places = files.flatMap(({ file, lines }) =>
    Array.from({ length: lines }, (_, index) => ({ file, line: index + 1 })),
  );
  const batches = Math.ceil(places.length / BATCH_LINES);
  const width = Math.floor((t1 - t0) / batches);
  for (let turn = 0; turn < batches; turn += 1) {
    const part = places
      .slice(turn * BATCH_LINES, (turn + 1) * BATCH_LINES)
      .map((place, index) => ({ ...place, id: turn * BATCH_LINES + index + 1 }));
    const capacity = THREADS * width;
    // Each line of a batch gets its share of two thirds of it, the first ones more.
    const weight = (index: number) => 1 / (index + 3);
    const all = part.reduce((sum, _, index) => sum + weight(index), 0);
    const used = part.map((_, index) => Math.floor(((capacity * 2) / 3) * (weight(index) / all)));
    const idle = capacity - used.reduce((sum, one) => sum + one, 0);
    const window = { t0_us: t0 + turn * width, t1_us: t0 + (turn + 1) * width };
    const origins = part.map(({ id, file, line }) => ({
      id,
      file,
      line,
      function: `step_${line % 7}`,
      text: `step(${line})`,
    }));
    await send(
      { kind: "scheduler", process: answer.process, ...window, origins },
      {
        kind: "worker",
        process: worker,
        ...window,
        nthreads: THREADS,
        strings: ["task", ...TOPS.map(([, called]) => called)],
        files: TOPS.map(([file]) => [file, "p"]),
        frames: TOPS.map((_, index) => [index, index + 1, 10]),
        stacks: TOPS.map((_, index) => [index]),
        ledger: part.map(({ id }, index) => [1, 0, used[index] ?? 0, used[index] ?? 0, 1, 0, id, 0]),
        samples: part.map(({ id }, index) => [1, 0, index % TOPS.length, 1, 1, id, 0]),
        idle: { no_work: idle },
      },
    );
  }
  for (const { file, lines, text } of files) {
    if (!text) continue;
    const source = Array.from({ length: lines }, (_, index) => `step(${index + 1})`).join("\n");
    const sha256 = createHash("sha256").update(source).digest("hex");
    await send({ kind: "source", process: answer.process, file, sha256, text: source });
  }
  // The last words of an orderly end: what it cost changes no more.
  await send(
    { kind: "worker", process: worker, t0_us: t1, t1_us: t1, nthreads: THREADS, idle: {}, final: true },
    {
      kind: "scheduler",
      process: answer.process,
      t0_us: t1,
      t1_us: t1,
      final: true,
      workers: [{ ...process, ended_us: t1, reason: "retired" }],
    },
  );
  return answer.cluster.id;
}
