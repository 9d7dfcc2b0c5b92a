import { createRootRoute, createRoute, createRouter, type RouterHistory, redirect } from "@tanstack/react-router";
import type { Status } from "#/api/queries/clusters";
import { COLUMNS, type Column, STATUSES } from "#/features/clusters/list";
import { ClusterPage } from "#/pages/ClusterPage";
import { ClustersPage } from "#/pages/ClustersPage";
import { Framed } from "#/pages/Framed";
import { NotFoundPage } from "#/pages/NotFoundPage";
import { SignInPage } from "#/pages/SignInPage";
import { TokensPage } from "#/pages/TokensPage";
import type { Order } from "#/ui/SortHeader";

const root = createRootRoute({ notFoundComponent: NotFoundPage });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/clusters", replace: true });
  },
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/signin",
  component: SignInPage,
  // Only paths of these pages: a link must not be able to send anyone elsewhere after signing in. What is refused must be named, as the
  // router lays what is returned over what the address holds.
  validateSearch: (search): { to?: string | undefined } => {
    const to = text(search.to);
    return to !== undefined && /^\/(?![/\\])/.test(to) && !to.startsWith("/signin") ? { to } : { to: undefined };
  },
});

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Framed });

const clusters = createRoute({
  getParentRoute: () => shell,
  path: "/clusters",
  component: ClustersPage,
  validateSearch: (
    search,
  ): { q?: string | undefined; status?: Status | undefined; sort?: Order<Column> | undefined } => ({
    q: text(search.q),
    status: STATUSES.find((status) => status === search.status),
    sort: COLUMNS.flatMap((column): Order<Column>[] => [column, `-${column}`]).find((order) => order === search.sort),
  }),
});

const cluster = createRoute({
  getParentRoute: () => shell,
  path: "/clusters/$clusterId",
  component: ClusterPage,
  validateSearch: (
    search,
  ): { file?: string | undefined; line?: number | undefined; log?: string | undefined; q?: string | undefined } => ({
    file: text(search.file),
    line: Number.isInteger(Number(search.line)) && Number(search.line) > 0 ? Number(search.line) : undefined,
    log: text(search.log),
    q: text(search.q),
  }),
});

const tokens = createRoute({ getParentRoute: () => shell, path: "/tokens", component: TokensPage });

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Makes the pages' router; a history of its own lets tests start anywhere. */
export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree: root.addChildren([home, signIn, shell.addChildren([clusters, cluster, tokens])]),
    ...(history ? { history } : {}),
    scrollRestoration: true,
    // Plain text in the address, as people write it, in place of the router's JSON.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search) => {
      const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
      const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
      return query ? `?${query}` : "";
    },
    defaultNotFoundComponent: NotFoundPage,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
