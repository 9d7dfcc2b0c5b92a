import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouterHistory,
} from "@tanstack/react-router";
import type { Status } from "#/api/queries/clusters";
import { GROUPINGS } from "#/features/bill/grouping";
import { COLUMNS, type Column, STATUSES } from "#/features/clusters/list";
import type { ClusterSearch } from "#/features/clusters/search";
import type { CodeSearch } from "#/features/code/search";
import { exploreSearch } from "#/features/explore/search";
import { DAYS, MONTH, MOVER_DIMENSIONS, type OverviewSearch } from "#/features/overview/search";
import { GRADES, PACKAGE_COLUMNS } from "#/features/packages/columns";
import type { PackageSearch } from "#/features/packages/search";
import { reportSearch } from "#/features/reports/search";
import { spendCodeSearch } from "#/features/spendcode/search";
import { type SqlSearch, sqlPeriod } from "#/features/sql/search";
import { SUBMISSION_COLUMNS } from "#/features/submissions/columns";
import { ClustersPage } from "#/pages/ClustersPage";
import { Framed } from "#/pages/Framed";
import { NotFoundPage } from "#/pages/NotFoundPage";
import { OverviewPage } from "#/pages/OverviewPage";
import { SignInPage } from "#/pages/SignInPage";
import type { Order } from "#/ui/SortHeader";

const root = createRootRoute({ notFoundComponent: NotFoundPage });

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

const overview = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: OverviewPage,
  validateSearch: (search): OverviewSearch => ({
    month: MONTH.test(String(search.month)) ? String(search.month) : undefined,
    days: DAYS.find((days) => String(days) === String(search.days)),
    movers: MOVER_DIMENSIONS.find((by) => by === search.movers),
  }),
});

const clusters = createRoute({
  getParentRoute: () => shell,
  path: "/clusters",
  component: ClustersPage,
  validateSearch: (
    search,
  ): { q?: string | undefined; status?: Status | undefined; sort?: Order<Column> | undefined } => ({
    q: text(search.q),
    status: STATUSES.find((status) => status === search.status),
    sort: order(COLUMNS, search.sort),
  }),
});

const cluster = createRoute({
  getParentRoute: () => shell,
  path: "/clusters/$clusterId",
  component: lazyRouteComponent(() => import("#/pages/ClusterPage"), "ClusterPage"),
  validateSearch: (search): ClusterSearch => ({
    by: GROUPINGS.find((by) => by === search.by),
    file: text(search.file),
    line: lineNumber(search.line),
    log: text(search.log),
    q: text(search.q),
    sub: text(search.sub),
    sort: order(SUBMISSION_COLUMNS, search.sort),
  }),
});

const code = createRoute({
  getParentRoute: () => shell,
  path: "/clusters/$clusterId/code",
  component: lazyRouteComponent(() => import("#/pages/CodePage"), "CodePage"),
  validateSearch: (search): CodeSearch => ({
    file: text(search.file),
    line: lineNumber(search.line),
    op: text(search.op),
    zoom: text(search.zoom),
    loaded: search.loaded === "yes" ? "yes" : undefined,
    q: text(search.q),
    against: text(search.against),
    paint: search.paint === "change" ? "change" : undefined,
  }),
});

const explore = createRoute({
  getParentRoute: () => shell,
  path: "/explore",
  component: lazyRouteComponent(() => import("#/pages/ExplorePage"), "ExplorePage"),
  validateSearch: exploreSearch,
});

const spendCode = createRoute({
  getParentRoute: () => shell,
  path: "/code",
  component: lazyRouteComponent(() => import("#/pages/SpendCodePage"), "SpendCodePage"),
  validateSearch: spendCodeSearch,
});

const packages = createRoute({
  getParentRoute: () => shell,
  path: "/packages",
  component: lazyRouteComponent(() => import("#/pages/PackagesPage"), "PackagesPage"),
  validateSearch: (search): PackageSearch => ({
    name: text(search.name),
    version: text(search.version),
    grade: GRADES.find((grade) => grade === search.grade),
    cluster: text(search.cluster),
    sort: order(PACKAGE_COLUMNS, search.sort),
  }),
});

const environment = createRoute({
  getParentRoute: () => shell,
  path: "/environments/$environmentId",
  component: lazyRouteComponent(() => import("#/pages/EnvironmentPage"), "EnvironmentPage"),
  validateSearch: (search): { q?: string | undefined } => ({ q: text(search.q) }),
});

const sql = createRoute({
  getParentRoute: () => shell,
  path: "/sql",
  component: lazyRouteComponent(() => import("#/pages/SqlPage"), "SqlPage"),
  validateSearch: (search): SqlSearch => ({ q: text(search.q), period: sqlPeriod(search.period) }),
});

const reports = createRoute({
  getParentRoute: () => shell,
  path: "/reports",
  component: lazyRouteComponent(() => import("#/pages/ReportsPage"), "ReportsPage"),
  validateSearch: reportSearch,
});

/** Reports to print are pages of the server's own: whoever comes here after signing in is sent there. */
const report = createRoute({
  getParentRoute: () => root,
  path: "/reports/$week",
  beforeLoad: ({ location }) => window.location.replace(location.href),
});

const tokens = createRoute({
  getParentRoute: () => shell,
  path: "/tokens",
  component: lazyRouteComponent(() => import("#/pages/TokensPage"), "TokensPage"),
});

const groups = createRoute({
  getParentRoute: () => shell,
  path: "/groups",
  component: lazyRouteComponent(() => import("#/pages/GroupsPage"), "GroupsPage"),
  validateSearch: (search): { group?: string | undefined } => ({ group: text(search.group) }),
});

/** A column of a table, descending with a minus before it; undefined for what is none. */
function order<Column extends string>(columns: readonly Column[], value: unknown): Order<Column> | undefined {
  return columns.flatMap((column): Order<Column>[] => [column, `-${column}`]).find((known) => known === value);
}

/** The number of a line, from one; undefined for what is none. */
function lineNumber(value: unknown): number | undefined {
  return Number.isInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Makes the pages' router; a history of its own lets tests start anywhere. */
export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree: root.addChildren([
      signIn,
      report,
      shell.addChildren([
        overview,
        explore,
        spendCode,
        clusters,
        cluster,
        code,
        packages,
        environment,
        sql,
        reports,
        groups,
        tokens,
      ]),
    ]),
    ...(history ? { history } : {}),
    scrollRestoration: true,
    // A page's code is on its way before it is asked for: pointing at a link is enough.
    defaultPreload: "intent",
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
