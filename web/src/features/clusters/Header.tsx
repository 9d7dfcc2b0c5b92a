import { isLive } from "#/api/queries/clusters";
import type { Cluster } from "#/api/schema";
import { StatusPill } from "#/features/clusters/StatusPill";
import { WatchedPill } from "#/features/clusters/WatchedPill";
import { type Clock, moment } from "#/lib/time";
import { Button } from "#/ui/controls";

interface HeaderProps {
  cluster: Cluster;
  clock: Clock;
  onScale: () => void;
  onStop: () => void;
}

/** Which cluster this is, how it is, and what one can do to it. */
export function Header({ cluster, clock, onScale, onStop }: HeaderProps) {
  const live = isLive(cluster);
  const stopping = cluster.target === "stopped";
  const facts = [
    cluster.owner.name,
    cluster.watched ? undefined : `${cluster.backend} backend`,
    cluster.started_at
      ? `started ${moment(cluster.started_at, clock)}`
      : `asked for ${moment(cluster.created_at, clock)}`,
    cluster.watched && live && cluster.last_seen_at
      ? `last seen ${moment(cluster.last_seen_at, clock, true)}`
      : undefined,
    cluster.ended_at ? `ended ${moment(cluster.ended_at, clock)}` : undefined,
  ];
  return (
    <div className="top">
      <div className="grow">
        <h1>
          {cluster.name} <StatusPill status={cluster.status} />
          <WatchedPill cluster={cluster} />
        </h1>
        <p className="sub">{facts.filter(Boolean).join(", ")}</p>
        {cluster.watched && live && (
          <p className="sub">
            Lineitem measures this cluster and did not start it, so it can neither scale nor stop it: do that where it
            was started.
          </p>
        )}
        {cluster.reason && !cluster.away && (
          <p className={`sub ${cluster.status === "failed" ? "bad" : ""}`}>{cluster.reason}</p>
        )}
      </div>
      {live && (
        <>
          {!cluster.watched && (
            <Button onClick={onScale} disabled={stopping}>
              Scale…
            </Button>
          )}
          {cluster.dashboard_url && (
            <a className="btn" href={cluster.dashboard_url} target="_blank" rel="noreferrer">
              Dask dashboard
            </a>
          )}
          {!cluster.watched && (
            <Button look="danger" onClick={onStop} disabled={stopping}>
              Stop…
            </Button>
          )}
        </>
      )}
    </div>
  );
}
