import { type ChildProcess, execFile, spawn } from "node:child_process";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");

/** The real binary with a data folder of its own. */
export interface Server {
  url: string;
  /** A fresh one-time link, as an admin at the server's terminal gets it. */
  link: () => Promise<string>;
  /** Runs a command line of the signed-in `lineitem`. */
  cli: (...args: string[]) => Promise<string>;
  /** How long its threads have run, in milliseconds: what other programs on the machine change less than the clock. */
  processor: () => Promise<number>;
  stop: () => Promise<void>;
}

const START_MS = 60_000;
const STOP_MS = 60_000;
const COMMAND_MS = 540_000;

/** Where the server's data lies and whose it is, if not of a new organisation. */
export interface Place {
  data: string;
  zone: string;
}

/** Starts the binary under test, signed in from a terminal too. */
export async function startServer(place?: Place): Promise<Server> {
  const binary = await existing(process.env.LINEITEM_BIN ?? join(root, "bin/lineitem"), "make build");
  const python = await existing(process.env.LINEITEM_PYTHON ?? join(root, ".venv/bin/python"), "make setup");
  const home = await mkdtemp(join(tmpdir(), "lineitem-web-"));
  const data = place?.data ?? join(home, "data");
  // Nothing of the developer's own set-up may leak in, least of all where they are signed in.
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: home, LINEITEM_PYTHON: python, TZ: "UTC" };
  const server = spawn(
    binary,
    [
      "server",
      "--listen",
      "127.0.0.1:0",
      "--data",
      data,
      "--organisation",
      "Fjordlight",
      "--time-zone",
      place?.zone ?? "Europe/Berlin",
    ],
    { env, stdio: ["ignore", "pipe", "pipe"] },
  );
  const stop = async () => {
    await ended(server);
    await rm(home, { recursive: true, force: true });
  };
  try {
    const url = await address(server);
    const cli = async (...args: string[]) =>
      (await run(binary, args, { env, timeout: COMMAND_MS, maxBuffer: 2 ** 26 })).stdout;
    const link = async () => {
      const printed = await cli("server", "sign-in-link", "--data", data, "--listen", new URL(url).host);
      return /http\S+#code=\S+/.exec(printed)?.[0] ?? "";
    };
    await cli("login", await link());
    const processor = () => processorTime(server.pid ?? 0);
    return { url, link, cli, processor, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The first link with which a new user signs in. */
export async function newUser(server: Server, name: string): Promise<string> {
  const printed = await server.cli("user", "create", name);
  const link = /http\S+#code=\S+/.exec(printed)?.[0];
  if (!link) throw new Error(`no link in what making a user printed:\n${printed}`);
  return link;
}

/** Ticks of a second in which Linux counts the time of threads. */
const TICKS = 100;

async function processorTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name of the program may hold spaces; after it stand the state and, eleven fields on, the time in user and in system code.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1000;
}

async function existing(path: string, remedy: string): Promise<string> {
  await access(path).catch(() => {
    throw new Error(`${path} is missing: run \`${remedy}\` first`);
  });
  return path;
}

/** Waits for the address that the server prints; what it printed instead is in the error. */
function address(server: ChildProcess): Promise<string> {
  let printed = "";
  return new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`no address within ${START_MS} ms:\n${printed}`)), START_MS);
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const url = /listens on (http\S+)/.exec(printed)?.[1];
      if (!url) return;
      clearTimeout(timer);
      found(url);
    };
    server.stdout?.on("data", read);
    server.stderr?.on("data", read);
    server.once("exit", (code) => failed(new Error(`the server ended with ${code}:\n${printed}`)));
  });
}

/** Asks the server to end and waits; one that does not is killed. */
async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  const timer = setTimeout(() => server.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(timer);
}
