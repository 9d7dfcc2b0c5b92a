import { getRouteApi } from "@tanstack/react-router";
import { type Status, useClusters, useLiveClusters } from "#/api/queries/clusters";
import { useMe } from "#/api/queries/session";
import type { Cluster } from "#/api/schema";
import { ClusterTable } from "#/features/clusters/ClusterTable";
import { FirstRun } from "#/features/clusters/FirstRun";
import { matching, ordered, runningRates, STATUSES } from "#/features/clusters/list";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { count } from "#/lib/format";
import { rate } from "#/lib/money";
import { moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { FilterField } from "#/ui/FilterField";
import { Empty, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/clusters");

/** All clusters the reader may see, and what those that run cost now. */
export function ClustersPage() {
  const { q = "", status, sort = "-started" } = route.useSearch();
  const navigate = route.useNavigate();
  const clusters = useClusters(status ? [status] : []);
  const live = useLiveClusters();
  const me = useMe();
  const clock = useClock(clusters.dataUpdatedAt);

  const all = clusters.data?.pages.flatMap((page) => page.items) ?? [];
  const shown = ordered(matching(all, q), sort);
  const filtered = q !== "" || status !== undefined;
  const change = (next: { q?: string | undefined; status?: Status | undefined; sort?: typeof sort }) =>
    navigate({ search: (old) => ({ ...old, ...next }), replace: true });
  return (
    <>
      <title>Clusters · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>Clusters</h1>
          <p className="sub">{live.data ? sentence(live.data.items) : "\u00a0"}</p>
        </div>
        <select
          className="field"
          aria-label="Status"
          value={status ?? ""}
          onChange={(event) => change({ status: STATUSES.find((known) => known === event.target.value) })}
        >
          <option value="">Any status</option>
          {STATUSES.map((known) => (
            <option key={known}>{known}</option>
          ))}
        </select>
        <FilterField
          slash
          placeholder="Find a cluster  /"
          label="Find a cluster by name, owner, group or id"
          value={q}
          onChange={(next) => change({ q: next || undefined })}
        />
      </div>
      <div className="content">
        {clusters.isError && (
          <Failure
            error={clusters.error}
            what="The clusters"
            since={clusters.data ? moment(clock.now.toISOString(), clock) : undefined}
            onRetry={() => clusters.refetch()}
          />
        )}
        {(clusters.isPending || clusters.data) && (
          <Card
            title="All clusters"
            aside={clusters.data && !filtered && all.length > 0 ? howMany(all.length, clusters.hasNextPage) : undefined}
          >
            {clusters.isPending && <SkeletonRows what="clusters" />}
            {clusters.data && shown.length > 0 && (
              <div className="scroll">
                <ClusterTable
                  clusters={shown}
                  order={sort}
                  clock={clock}
                  onOrder={(order) => change({ sort: order })}
                />
              </div>
            )}
            {clusters.data && shown.length === 0 && !filtered && <FirstRun />}
            {clusters.data && shown.length === 0 && filtered && (
              <Empty
                title={`${clusters.hasNextPage ? `None of the newest ${count(all.length, "cluster")}` : "No cluster"} matches “${[q, status].filter(Boolean).join(", ")}”.`}
              >
                <p className="acts">
                  <Button small onClick={() => change({ q: undefined, status: undefined })}>
                    Clear the filter
                  </Button>
                </p>
              </Empty>
            )}
            {clusters.hasNextPage && (
              <p className="after">
                <Button small onClick={() => clusters.fetchNextPage()} disabled={clusters.isFetchingNextPage}>
                  {clusters.isFetchingNextPage ? "Loading…" : "Show older clusters"}
                </Button>
              </p>
            )}
          </Card>
        )}
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}

/** How many are listed; where there are older ones, that these are not all. */
function howMany(listed: number, more: boolean): string {
  return more ? `the newest ${listed.toLocaleString("en-US")}` : count(listed, "cluster");
}

/** "2 clusters running at $0.31/h": what everything that is up costs, whatever the filter. */
function sentence(live: readonly Cluster[]): string {
  if (live.length === 0) return "No cluster runs now.";
  const rates = runningRates(live).map((sum) => rate(sum.rate, sum.currency));
  return `${count(live.length, "cluster")} running at ${rates.join(" and ")}`;
}
