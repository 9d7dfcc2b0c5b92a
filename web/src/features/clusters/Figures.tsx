import type { ReactNode } from "react";
import { isLive } from "#/api/queries/clusters";
import type { Cluster, Process } from "#/api/schema";
import { bytes, count, duration } from "#/lib/format";
import { money } from "#/lib/money";
import { type Clock, moment, secondsBetween } from "#/lib/time";
import { Fig } from "#/ui/controls";

interface FiguresProps {
  cluster: Cluster;
  processes: readonly Process[] | undefined;
  /** The bill's total and precision, where there is a bill: the same figure everywhere on the page. */
  total: { nanos: number; decimals: number } | undefined;
  clock: Clock;
  onCost: () => void;
  onRate: () => void;
}

/** A cluster in five figures. */
export function Figures({ cluster, processes, total, clock, onCost, onRate }: FiguresProps) {
  const live = isLive(cluster);
  const since = cluster.started_at;
  const lasted = duration(secondsBetween(since, cluster.ended_at ?? clock.now));
  const up = (processes ?? []).filter((process) => process.status === "running");
  const worker = up.find((process) => process.role === "worker");
  const gauges = live ? cluster.gauges : undefined;
  const busy = gauges && Math.min(gauges.processing, gauges.threads);
  const waiting = gauges && gauges.queued + gauges.waiting + gauges.no_worker;
  return (
    <section className="card kpis" aria-label="Cluster in figures">
      <Figure label="Cost so far" note={since ? `${lasted}, since ${moment(since, clock)}` : "not started yet"}>
        <Fig label="Cost so far" onOpen={onCost}>
          {total ? money(total.nanos, cluster.currency, total.decimals) : money(cluster.cost_nanos, cluster.currency)}
        </Fig>
      </Figure>
      <Figure label="Rate" note={live ? upWords(up) : "nothing runs any more"}>
        {live ? (
          <>
            <Fig label="Rate" onOpen={onRate}>
              {money(cluster.rate_nanos_per_hour, cluster.currency)}
            </Fig>
            <span className="unit">/h</span>
          </>
        ) : (
          "–"
        )}
      </Figure>
      <Figure
        label="Busy now"
        note={gauges ? `threads; ${count(waiting ?? 0, "task")} waiting` : live ? "no report yet" : "ended"}
      >
        {gauges ? `${busy} of ${gauges.threads}` : "–"}
      </Figure>
      <Figure
        label="Workers"
        note={worker ? `${count(worker.nthreads, "thread")}, ${bytes(worker.memory_bytes)} each` : "none up"}
      >
        {live ? `${cluster.n_workers_running} of ${cluster.options.n_workers}` : "–"}
      </Figure>
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
        {since ? lasted : "–"}
      </Figure>
    </section>
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
