import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import {
  isLive,
  POLL_MS,
  SLOW_POLL_MS,
  useBill,
  useCluster,
  useEvents,
  useProcesses,
  useReads,
  useResources,
  useSubmissions,
  useTimeline,
} from "#/api/queries/clusters";
import { usePackages } from "#/api/queries/packages";
import { useMe } from "#/api/queries/session";
import type { Cluster } from "#/api/schema";
import { BillCard } from "#/features/bill/BillCard";
import { GpuCard } from "#/features/bill/GpuCard";
import type { Grouping } from "#/features/bill/grouping";
import { type How, HowDialog } from "#/features/bill/HowDialog";
import { IdleCard } from "#/features/bill/IdleCard";
import { LineCard } from "#/features/bill/LineCard";
import { SourceCard } from "#/features/bill/SourceCard";
import { SplitCard } from "#/features/bill/SplitCard";
import { rowAt, viewsOf } from "#/features/bill/view";
import { Figures } from "#/features/clusters/Figures";
import { filesNamed } from "#/features/clusters/files";
import { Header } from "#/features/clusters/Header";
import { NotLoaded } from "#/features/clusters/NotLoaded";
import { ScaleDialog } from "#/features/clusters/ScaleDialog";
import { StopDialog } from "#/features/clusters/StopDialog";
import type { ClusterSearch } from "#/features/clusters/search";
import { EventList } from "#/features/events/EventList";
import { LogsCard } from "#/features/logs/LogsCard";
import { SeenCard } from "#/features/packages/SeenCard";
import { ProcessTable } from "#/features/processes/ProcessTable";
import { ReadsCard } from "#/features/reads/ReadsCard";
import { ResourcesCard } from "#/features/resources/ResourcesCard";
import { Failure } from "#/features/shell/Failure";
import { Part } from "#/features/shell/Part";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { SubmissionsCard } from "#/features/submissions/SubmissionsCard";
import { TimelineCard } from "#/features/timeline/TimelineCard";
import { percent } from "#/lib/format";
import { decimalsFor } from "#/lib/money";
import { moment } from "#/lib/time";

const route = getRouteApi("/shell/clusters/$clusterId");

/** Telemetry of the last moments arrives after the end; the page looks on for so long. */
const AFTERGLOW_MS = 60_000;

/** One cluster: what it does, what it costs, and which line of code that is for. */
export function ClusterPage() {
  const { clusterId: id } = route.useParams();
  const cluster = useCluster(id);
  if (cluster.data) return <Loaded id={id} cluster={cluster.data} query={cluster} />;
  return <NotLoaded id={id} query={cluster} />;
}

function Loaded({ id, cluster, query }: { id: string; cluster: Cluster; query: ReturnType<typeof useCluster> }) {
  const { file, line, log, q = "", sub = "", sort = "-at" } = route.useSearch();
  const sampled = cluster.method === "sampled";
  // What is looked at from outside has no origins to show.
  const usual: Grouping = sampled ? "line" : "origin";
  const by = route.useSearch().by ?? usual;
  const navigate = route.useNavigate();
  const clock = useClock(query.dataUpdatedAt);
  const ended = cluster.ended_at ? clock.now.getTime() - new Date(cluster.ended_at).getTime() > AFTERGLOW_MS : false;
  const poll = isLive(cluster) || !ended ? POLL_MS : false;
  const slowPoll = poll && SLOW_POLL_MS;

  const bill = useBill(id, poll);
  const timeline = useTimeline(id, poll);
  const resources = useResources(id, slowPoll);
  const submissions = useSubmissions(id, slowPoll);
  const reads = useReads(id, slowPoll);
  const seen = usePackages({ cluster: id, grade: "seen" }, { poll: slowPoll });
  const processes = useProcesses(id, poll);
  const events = useEvents(id, poll);
  const me = useMe();
  const [dialog, setDialog] = useState<"scale" | "stop">();
  const [how, setHow] = useState<How>();

  const views = useMemo(() => bill.data && viewsOf(bill.data, by), [bill.data, by]);
  const view = views?.chosen;
  const names = useMemo(
    () => filesNamed(bill.data, submissions.data, reads.data),
    [bill.data, submissions.data, reads.data],
  );
  const decimals = view?.decimals ?? decimalsFor(cluster.cost_nanos, 3);
  const selected = file !== undefined && line !== undefined ? { file, line } : undefined;
  const found = views && selected && rowAt(views, selected);
  const change = (next: Partial<ClusterSearch>, hash: string | true = true, replace = false) =>
    navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false, hash, replace });

  return (
    <>
      <title>{`${cluster.name} · Lineitem`}</title>
      <Header cluster={cluster} clock={clock} onScale={() => setDialog("scale")} onStop={() => setDialog("stop")} />
      <div className="content">
        {query.isError && (
          <Failure
            error={query.error}
            what="The cluster"
            since={moment(clock.now.toISOString(), clock, true)}
            onRetry={() => query.refetch()}
          />
        )}
        <Figures
          cluster={cluster}
          processes={processes.data?.items}
          view={view}
          clock={clock}
          onCost={() => setHow("bill")}
          onRate={() => setHow("rate")}
        />
        <div className="cols">
          <div className="w8 stack">
            <Part query={timeline} title="Workers" what="The timeline">
              {(data) => <TimelineCard timeline={data} clock={clock} live={isLive(cluster)} />}
            </Part>
            <Part query={bill} title="Bill by line" what="The bill">
              {(data) =>
                view && (
                  <BillCard
                    bill={data}
                    view={view}
                    names={names}
                    selected={selected}
                    filter={q}
                    onFilter={(next) => change({ q: next || undefined }, true, true)}
                    onBy={(next) => change({ by: next === usual ? undefined : next })}
                    onHow={setHow}
                  />
                )
              }
            </Part>
            {views && (
              <SourceCard
                id={id}
                view={views.lines}
                names={names}
                selected={{ file, line }}
                poll={poll}
                from="/clusters/$clusterId"
                onSelect={(nextFile, nextLine) => change({ file: nextFile, line: nextLine })}
              />
            )}
          </div>
          <div className="w4 stack">
            {found && <LineCard view={found.view} row={found.row} names={names} onHow={() => setHow("line")} />}
            {view && <SplitCard view={view} onHow={() => setHow("bill")} />}
            {view && <IdleCard view={view} />}
            {bill.data && <GpuCard bill={bill.data} />}
            <Part query={seen} title="Packages in use" what="The packages">
              {(data) => <SeenCard list={data} clusterId={id} sampled={sampled} />}
            </Part>
            <Part query={events} title="Events" what="The events">
              {(data) => <EventList events={data.items} clock={clock} />}
            </Part>
          </div>
        </div>
        <div className="cols">
          <div className="w6 stack">
            <Part query={submissions} title="Submissions" what="The submissions">
              {(data) => (
                <SubmissionsCard
                  list={data}
                  names={names}
                  decimals={decimals}
                  filter={sub}
                  order={sort}
                  clock={clock}
                  sampled={sampled}
                  onFilter={(next) => change({ sub: next || undefined }, true, true)}
                  onOrder={(next) => change({ sort: next === "-at" ? undefined : next }, true, true)}
                />
              )}
            </Part>
          </div>
          <div className="w6 stack">
            <Part query={reads} title="Reads and writes" what="The reads">
              {(data) => <ReadsCard list={data} names={names} decimals={decimals} sampled={sampled} />}
            </Part>
          </div>
        </div>
        <Part query={resources} title="Resources" what="The resources">
          {(data) => <ResourcesCard list={data} clock={clock} />}
        </Part>
        <Part query={processes} title="Processes" what="The processes">
          {(data) => (
            <>
              <ProcessTable
                processes={data.items}
                currency={cluster.currency}
                clock={clock}
                {...(cluster.watched ? {} : { onLogs: (process) => change({ log: process }, "logs") })}
              />
              {!cluster.watched && (
                <LogsCard
                  id={id}
                  processes={data.items}
                  selected={log}
                  poll={poll}
                  onSelect={(process) => change({ log: process })}
                />
              )}
            </>
          )}
        </Part>
        {me.data && (
          <Colophon me={me.data}>
            {view && <span>Lines + idle + overhead + lost + unknown = the total, to the billionth</span>}
            {bill.data && bill.data.capacity_seconds > 0 && (
              <span>{percent(bill.data.coverage_seconds / bill.data.capacity_seconds)} of worker time observed</span>
            )}
          </Colophon>
        )}
      </div>
      {dialog === "scale" && (
        <ScaleDialog id={id} cluster={cluster} processes={processes.data?.items} onClose={() => setDialog(undefined)} />
      )}
      {dialog === "stop" && <StopDialog id={id} cluster={cluster} onClose={() => setDialog(undefined)} />}
      {how && (
        <HowDialog
          about={how}
          cluster={cluster}
          bill={bill.data}
          view={view}
          submissions={submissions.data}
          clock={clock}
          onClose={() => setHow(undefined)}
        />
      )}
    </>
  );
}
