import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import { StrictMode } from "react";
import { vi } from "vitest";
import { makeClient } from "#/api/queries/queryClient";
import { makeRouter } from "#/routes";
import {
  bill,
  cluster,
  environment,
  me,
  overview,
  packages,
  processes,
  reads,
  resources,
  submissions,
  timeline,
} from "./data";

/** An answer to one request: a body, a status with a body, or nothing at all. */
export type Answer = { status?: number; body?: unknown } | "away" | "never";

/** What a server answers by method and path; what it is asked is kept in order. */
export interface FakeServer {
  answers: Record<string, Answer | ((body: unknown, query: string) => Answer)>;
  asked: { request: string; query: string; body: unknown }[];
}

const ok = (body: unknown): Answer => ({ body });

/** Answers of a server with one running cluster; tests change what their moment needs. */
export function usual(): FakeServer["answers"] {
  return {
    "GET /me": ok(me),
    "GET /overview": ok(overview()),
    "GET /clusters": ok({ items: [cluster()], next_cursor: "" }),
    "GET /clusters/c1": ok(cluster()),
    "GET /clusters/c1/bill": ok(bill()),
    "GET /clusters/c1/timeline": ok(timeline),
    "GET /clusters/c1/submissions": ok(submissions),
    "GET /clusters/c1/reads": ok(reads),
    "GET /clusters/c1/resources": ok(resources),
    "GET /packages": ok(packages),
    [`GET /environments/${environment.id}`]: ok(environment),
    "GET /clusters/c1/processes": ok({ items: processes }),
    "GET /clusters/c1/events": ok({
      items: [{ id: 1, at: "2026-11-19T09:50:00Z", kind: "started", message: "Started." }],
    }),
    "GET /clusters/c1/logs": ok({
      items: [{ process_id: "p0", name: "scheduler", text: "one\ntwo\n", truncated: false }],
    }),
    "GET /clusters/c1/source": ok({ file: "/home/ana/flights.py", sha256: "", text: "import dask\n".repeat(20) }),
    "GET /tokens": ok({ items: [] }),
    "GET /groups": ok({ items: [] }),
    "GET /users": ok({ items: [me.user] }),
  };
}

/** Renders the whole application at an address, with a server that answers as told. */
export function open(address: string, answers: FakeServer["answers"]) {
  const server: FakeServer = { answers, asked: [] };
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => answer(server, url, init));
  const history = createMemoryHistory({ initialEntries: [address] });
  const view = render(
    <StrictMode>
      <QueryClientProvider client={makeClient()}>
        <RouterProvider router={makeRouter(history)} />
      </QueryClientProvider>
    </StrictMode>,
  );
  return { ...view, server, address: () => history.location.href };
}

function answer(server: FakeServer, url: string, init: RequestInit): Promise<Response> {
  const request = `${init.method} ${url.replace(/^\/api\/v1/, "").replace(/\?.*/, "")}`;
  const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
  const query = decodeURIComponent(url.split("?")[1] ?? "");
  server.asked.push({ request, query, body });
  const told = server.answers[request];
  const now =
    typeof told === "function"
      ? told(body, query)
      : (told ?? { status: 404, body: error("not_found", `No ${request}.`) });
  if (now === "never") return new Promise(() => undefined);
  if (now === "away") return Promise.reject(new TypeError("fetch failed"));
  const status = now.status ?? 200;
  return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(now.body), { status }));
}

/** The body of a refusal. */
export function error(code: string, message: string) {
  return { code, message, fields: [] };
}
