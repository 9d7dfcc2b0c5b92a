import { afterEach, expect, it, vi } from "vitest";
import { ApiError, call, isSignedOut, ServerAwayError, urlOf } from "#/api/client";

afterEach(() => vi.unstubAllGlobals());

const answering = (response: Response | Error) =>
  vi.stubGlobal("fetch", () => (response instanceof Error ? Promise.reject(response) : Promise.resolve(response)));

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

it("writes addresses that survive any name", () => {
  const path = { cluster_id: "my cluster/1" };
  expect(urlOf("GET /clusters/{cluster_id}/source", { path, query: { file: "/a b&c.py" } })).toBe(
    "/api/v1/clusters/my%20cluster%2F1/source?file=%2Fa+b%26c.py",
  );
  expect(urlOf("GET /clusters", { query: { status: ["running", "starting"], cursor: "" } })).toBe(
    "/api/v1/clusters?status=running%2Cstarting",
  );
  expect(urlOf("GET /cost/breakdown", { query: { by: ["user", "day"], where: ["user=a,b", "kind=work"] } })).toBe(
    "/api/v1/cost/breakdown?by=user%2Cday&where=user%3Da%2Cb&where=kind%3Dwork",
  );
});

it("gives a refusal its code and sentence", async () => {
  answering(json(409, { code: "cluster_not_running", message: "It has ended.", fields: [] }));
  const refused = call("POST /clusters/{cluster_id}/stop", { path: { cluster_id: "c" } });
  await expect(refused).rejects.toMatchObject({ code: "cluster_not_running", status: 409, message: "It has ended." });
});

it("tells signed out from refused", async () => {
  answering(json(401, { code: "unauthenticated", message: "Sign in.", fields: [] }));
  const error = await call("GET /me", {}).catch((caught: unknown) => caught);
  expect(isSignedOut(error)).toBe(true);
  expect(isSignedOut(new ApiError(403, "forbidden", "No."))).toBe(false);
});

it.each([
  ["no answer", new TypeError("fetch failed")],
  ["a proxy's answer", new Response("<html>", { status: 502 })],
])("calls %s a server that is away", async (_, response) => {
  answering(response);
  await expect(call("GET /me", {})).rejects.toBeInstanceOf(ServerAwayError);
});

it("takes no content for done", async () => {
  answering(new Response(null, { status: 204 }));
  await expect(call("DELETE /session", {})).resolves.toBeUndefined();
});
