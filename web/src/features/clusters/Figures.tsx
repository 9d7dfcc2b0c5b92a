import type { ReactNode } from "react";
import { isLive } from "#/api/queries/clusters";
import type { Cluster, Process } from "#/api/schema";
import { type BillView, sumOf } from "#/features/bill/view";
import { bytes, count, duration, percent } from "#/lib/format";
import { money } from "#/lib/money";
import { type Clock, moment, secondsBetween } from "#/lib/time";
import { Fig } from "#/ui/controls";

interface FiguresProps {
  cluster: Cluster;
  processes: readonly Process[] | undefined;
  view: BillView | undefined;
  clock: Clock;
  onCost: () => void;
  onRate: () => void;
}

/** A cluster in five figures: while it runs, what it does; once it has ended, where its money went. */
export function Figures(props: FiguresProps) {
  const { cluster, view, clock, onCost } = props;
  const since = cluster.started_at;
  const lasted = since ? duration(secondsBetween(since, cluster.ended_at ?? clock.now)) : "–";
  const live = isLive(cluster);
  return (
    <section className="card kpis" aria-label="Cluster in figures">
      <Figure
        label={live ? "Cost so far" : "Cost"}
        note={since ? `${lasted}, since ${moment(since, clock)}` : "not started yet"}
      >
        <Fig label="Cost so far" onOpen={onCost}>
          {view ? money(view.total, view.currency, view.decimals) : money(cluster.cost_nanos, cluster.currency)}
        </Fig>
      </Figure>
      {live ? <Now {...props} /> : <Split view={view} />}
      <Figure
        label={live ? "Running for" : "Ran for"}
        note={
          cluster.ended_at
            ? `ended ${moment(cluster.ended_at, clock)}`
            : since
              ? `since ${moment(since, clock)}`
              : "starting"
        }
      >
        {lasted}
      </Figure>
    </section>
  );
}

function Now({ cluster, processes, onRate }: FiguresProps) {
  const up = (processes ?? []).filter((process) => process.status === "running");
  const worker = up.find((process) => process.role === "worker");
  const gauges = cluster.gauges;
  const waiting = gauges && gauges.queued + gauges.waiting + gauges.no_worker;
  return (
    <>
      <Figure label="Rate" note={upWords(up)}>
        <Fig label="Rate" onOpen={onRate}>
          {money(cluster.rate_nanos_per_hour, cluster.currency)}
        </Fig>
        <span className="unit">/h</span>
      </Figure>
      <Figure label="Busy now" note={gauges ? `threads; ${count(waiting ?? 0, "task")} waiting` : "no report yet"}>
        {gauges ? `${Math.min(gauges.processing, gauges.threads)} of ${gauges.threads}` : "–"}
      </Figure>
      <Figure
        label="Workers"
        note={worker ? `${count(worker.nthreads, "thread")}, ${bytes(worker.memory_bytes)} each` : "none up"}
      >
        {cluster.watched ? cluster.n_workers_running : `${cluster.n_workers_running} of ${cluster.options.n_workers}`}
      </Figure>
    </>
  );
}

function Split({ view }: { view: BillView | undefined }) {
  const idle = view?.rest.filter((row) => row.words.look === "idle") ?? [];
  const other = view?.rest.filter((row) => row.words.look !== "idle") ?? [];
  const amount = (nanos: number) => (view ? money(nanos, view.currency, view.decimals) : "no bill yet");
  const share = (of: number) => percent(view && view.total > 0 ? of : undefined);
  return (
    <>
      <Figure label="On lines of code" note={amount(view?.rowsShown ?? 0)}>
        {share(view?.rowsShare ?? 0)}
      </Figure>
      <Figure label="Idle" note={amount(sumOf(idle).shown)}>
        {share(sumOf(idle).share)}
      </Figure>
      <Figure label="Overhead, lost, unknown" note={amount(sumOf(other).shown)}>
        {share(sumOf(other).share)}
      </Figure>
    </>
  );
}

function Figure({ label, note, children }: { label: string; note: string; children: ReactNode }) {
  return (
    <div>
      <div className="l">{label}</div>
      <div className="big">{children}</div>
      <div className="s">{note}</div>
    </div>
  );
}

function upWords(up: readonly Process[]): string {
  if (up.length === 0) return "nothing is up yet";
  const workers = up.filter((process) => process.role === "worker").length;
  const schedulers = up.length - workers;
  return [workers > 0 && count(workers, "worker"), schedulers > 0 && count(schedulers, "scheduler")]
    .filter(Boolean)
    .join(", ");
}
