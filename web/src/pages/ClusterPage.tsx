import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { ApiError } from "#/api/client";
import { isLive, POLL_MS, useBill, useCluster, useEvents, useProcesses, useTimeline } from "#/api/queries/clusters";
import { useMe } from "#/api/queries/session";
import type { Cluster } from "#/api/schema";
import { Answer } from "#/features/bill/Answer";
import { BillTable } from "#/features/bill/BillTable";
import { type How, HowDialog } from "#/features/bill/HowDialog";
import { IdleCard } from "#/features/bill/IdleCard";
import { LineCard } from "#/features/bill/LineCard";
import { SourceCard } from "#/features/bill/SourceCard";
import { SplitCard } from "#/features/bill/SplitCard";
import { gutter, viewOf } from "#/features/bill/view";
import { Figures } from "#/features/clusters/Figures";
import { Header } from "#/features/clusters/Header";
import { ScaleDialog } from "#/features/clusters/ScaleDialog";
import { StopDialog } from "#/features/clusters/StopDialog";
import { EventList } from "#/features/events/EventList";
import { LogsCard } from "#/features/logs/LogsCard";
import { ProcessTable } from "#/features/processes/ProcessTable";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { TimelineCard } from "#/features/timeline/TimelineCard";
import { shortNames } from "#/lib/files";
import { percent } from "#/lib/format";
import { moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { FilterField } from "#/ui/FilterField";
import { Empty, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/clusters/$clusterId");

/** Telemetry of the last moments arrives after the end; the page looks on for so long. */
const AFTERGLOW_MS = 60_000;

/** One cluster: what it does, what it costs, and which line of code that is for. */
export function ClusterPage() {
  const { clusterId: id } = route.useParams();
  const cluster = useCluster(id);
  if (cluster.data) return <Loaded id={id} cluster={cluster.data} query={cluster} />;
  const missing = cluster.error instanceof ApiError && cluster.error.status === 404;
  return (
    <>
      <div className="top">
        <div className="grow">
          <h1>{missing ? "No such cluster" : "Cluster"}</h1>
          <p className="sub mono">{id}</p>
        </div>
      </div>
      <div className="content">
        <Card title={cluster.isPending ? "Bill by line" : "What happened"}>
          {cluster.isPending && <SkeletonRows rows={6} what="the cluster" />}
          {missing && (
            <Empty title="There is no such cluster, or it is not yours to see.">
              <p>
                <Link to="/clusters">All clusters</Link>
              </p>
            </Empty>
          )}
          {cluster.isError && !missing && (
            <Failure error={cluster.error} what="The cluster" onRetry={() => cluster.refetch()} />
          )}
        </Card>
      </div>
    </>
  );
}

function Loaded({ id, cluster, query }: { id: string; cluster: Cluster; query: ReturnType<typeof useCluster> }) {
  const { file, line, log, q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const clock = useClock(query.dataUpdatedAt);
  const ended = cluster.ended_at ? clock.now.getTime() - new Date(cluster.ended_at).getTime() > AFTERGLOW_MS : false;
  const poll = isLive(cluster) || !ended ? POLL_MS : false;

  const bill = useBill(id, poll);
  const timeline = useTimeline(id, poll);
  const processes = useProcesses(id, poll);
  const events = useEvents(id, poll);
  const me = useMe();
  const [dialog, setDialog] = useState<"scale" | "stop">();
  const [how, setHow] = useState<How>();

  const view = useMemo(() => bill.data && viewOf(bill.data), [bill.data]);
  const names = useMemo(() => shortNames(bill.data?.lines.map((entry) => entry.file) ?? []), [bill.data]);
  const selected = file !== undefined && line !== undefined ? { file, line } : undefined;
  const selectedRows = (view && selected && gutter(view, selected.file).get(selected.line)?.rows) ?? [];
  const select = (nextFile: string, nextLine: number | undefined) =>
    navigate({ search: (old) => ({ ...old, file: nextFile, line: nextLine }), resetScroll: false, hash: true });
  const showLog = (process: string, hash?: string) =>
    navigate({ search: (old) => ({ ...old, log: process }), resetScroll: false, hash: hash ?? true });

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
              {() =>
                view && (
                  <Card
                    title="Bill by line"
                    aside="each dollar on the line that ran, or that asked for the work"
                    actions={
                      <FilterField
                        placeholder="Find a line  /"
                        label="Find a line of the bill"
                        value={q}
                        onChange={(next) =>
                          navigate({
                            search: (old) => ({ ...old, q: next || undefined }),
                            replace: true,
                            resetScroll: false,
                            hash: true,
                          })
                        }
                      />
                    }
                  >
                    <Answer view={view} names={names} />
                    <BillTable view={view} names={names} selected={selected} filter={q} onHow={() => setHow("bill")} />
                  </Card>
                )
              }
            </Part>
            {view && (
              <SourceCard id={id} view={view} names={names} selected={{ file, line }} poll={poll} onSelect={select} />
            )}
          </div>
          <div className="w4 stack">
            {view && selected && (
              <LineCard
                view={view}
                rows={selectedRows}
                name={names.get(selected.file) ?? selected.file}
                onHow={() => setHow("line")}
              />
            )}
            {view && <SplitCard view={view} onHow={() => setHow("bill")} />}
            {view && <IdleCard view={view} />}
            <Part query={events} title="Events" what="The events">
              {(data) => <EventList events={data.items} clock={clock} />}
            </Part>
          </div>
        </div>
        <Part query={processes} title="Processes" what="The processes">
          {(data) => (
            <>
              <ProcessTable
                processes={data.items}
                currency={cluster.currency}
                clock={clock}
                onLogs={(process) => showLog(process, "logs")}
              />
              <LogsCard id={id} processes={data.items} selected={log} poll={poll} onSelect={showLog} />
            </>
          )}
        </Part>
        {me.data && (
          <Colophon me={me.data}>
            {view && <span>Lines + idle + overhead + unknown = the total, to the billionth</span>}
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
          clock={clock}
          onClose={() => setHow(undefined)}
        />
      )}
    </>
  );
}

interface PartProps<T> {
  query: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  title: string;
  what: string;
  children: (data: T) => React.ReactNode;
}

/** One card's data: its frame stands at once, and what was read before stays while the server is away. */
function Part<T>({ query, title, what, children }: PartProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  return (
    <Card title={title}>
      {query.isPending ? (
        <SkeletonRows what={what} />
      ) : (
        <Failure error={query.error} what={what} onRetry={() => query.refetch()} />
      )}
    </Card>
  );
}
