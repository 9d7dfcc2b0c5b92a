import type { FieldError, Operations } from "#/api/schema";

/** Base of the REST API, below the page's own origin. */
export const API_BASE = "/api/v1";

/** Parameters that are given once for each value, as their values may hold commas; lists of others are one text. */
const REPEATED: ReadonlySet<string> = new Set(["where"]);

type Key = keyof Operations;
type Optional<T> = undefined extends T ? true : Record<never, never> extends T ? true : false;
type Part<Name extends string, T> = Optional<T> extends true ? { [N in Name]?: T } : { [N in Name]: T };

/** What an operation takes. */
export type Input<K extends Key> = Part<"path", Operations[K]["path"]> &
  Part<"query", Operations[K]["query"]> &
  Part<"body", Operations[K]["body"]>;

type AnyInput = { path?: Record<string, string>; query?: Record<string, unknown>; body?: unknown };

/** An answer that is not a success: the server's code for programs and its sentence for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: readonly FieldError[] = [],
  ) {
    super(message);
  }
}

/** No answer at all, or one that the server did not write: it is down, restarting or unreachable. */
export class ServerAwayError extends Error {
  override readonly name = "ServerAwayError";
}

/** The address of an operation, as people can open it: figures show it as the query behind them. */
export function urlOf<K extends Key>(operation: K, input: Input<K>): string {
  const { path = {}, query = {} } = input as AnyInput;
  const template = operation.slice(operation.indexOf(" ") + 1);
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
  const given = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== "")
    .flatMap(([name, value]): [string, string][] =>
      REPEATED.has(name) && Array.isArray(value) ? value.map((one) => [name, String(one)]) : [[name, String(value)]],
    );
  const search = new URLSearchParams(given).toString();
  return `${API_BASE}${filled}${search ? `?${search}` : ""}`;
}

/** Calls the API. This file is the only place in the pages that knows HTTP. */
export async function call<K extends Key>(
  operation: K,
  input: Input<K>,
  signal?: AbortSignal,
): Promise<Operations[K]["answer"]> {
  const response = await send(operation, input, signal);
  if (response.status === 204) return undefined as Operations[K]["answer"];
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer as Operations[K]["answer"];
  throw errorFrom(response.status, answer);
}

/** Calls the API for an answer that is a file. */
export async function callForFile<K extends Key>(operation: K, input: Input<K>, signal?: AbortSignal): Promise<Blob> {
  const response = await send(operation, input, signal);
  if (response.ok) return response.blob();
  throw errorFrom(response.status, await response.json().catch(() => undefined));
}

async function send<K extends Key>(operation: K, input: Input<K>, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = {
    method: operation.slice(0, operation.indexOf(" ")),
    headers: { Accept: "application/json" },
    credentials: "same-origin",
  };
  if (signal) init.signal = signal;
  const { body } = input as AnyInput;
  if (body !== undefined) {
    init.headers = { Accept: "application/json", "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(urlOf(operation, input), init);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ServerAwayError("The server does not answer.", { cause });
  }
}

function errorFrom(status: number, body: unknown): Error {
  if (isErrorBody(body)) return new ApiError(status, body.code, body.message, body.fields ?? []);
  if (status >= 502 && status <= 504) return new ServerAwayError("The server does not answer.");
  return new ApiError(status, "unreadable", `The server answered ${status} without a reason.`);
}

function isErrorBody(body: unknown): body is { code: string; message: string; fields?: FieldError[] } {
  return typeof body === "object" && body !== null && "code" in body && "message" in body;
}

/** Whether the caller has to sign in (again). */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}
