import { Link } from "@tanstack/react-router";
import type { Cluster } from "#/api/schema";
import type { Column } from "#/features/clusters/list";
import { StatusPill } from "#/features/clusters/StatusPill";
import { WatchedPill } from "#/features/clusters/WatchedPill";
import { money, rate } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { type Order, SortHeader } from "#/ui/SortHeader";

interface ClusterTableProps {
  clusters: readonly Cluster[];
  order: Order<Column>;
  clock: Clock;
  onOrder: (order: Order<Column>) => void;
}

/** Clusters as rows; the name leads to the cluster's page. */
export function ClusterTable({ clusters, order, clock, onOrder }: ClusterTableProps) {
  const header = { order, onOrder };
  const grouped = clusters.some((cluster) => cluster.group !== "");
  return (
    <table>
      <caption className="vh">Clusters</caption>
      <thead>
        <tr>
          <SortHeader {...header} column="name" words="Cluster" first="up" />
          <SortHeader {...header} column="owner" words="Owner" first="up" className="wide" />
          {grouped && <SortHeader {...header} column="group" words="Paid by" first="up" className="wide" />}
          <SortHeader {...header} column="status" words="Status" first="up" />
          <SortHeader {...header} column="workers" words="Workers" first="down" number className="wide" />
          <SortHeader {...header} column="rate" words="Rate" first="down" number className="wide" />
          <SortHeader {...header} column="cost" words="Cost so far" first="down" number />
          <SortHeader {...header} column="started" words="Started" first="down" number className="wide" />
        </tr>
      </thead>
      <tbody>
        {clusters.map((cluster) => (
          <tr key={cluster.id}>
            <td>
              <Link className="cover" to="/clusters/$clusterId" params={{ clusterId: cluster.id }}>
                {cluster.name}
              </Link>
              <WatchedPill cluster={cluster} />
              {cluster.status === "failed" && cluster.reason && (
                <span className="mute small" style={{ display: "block" }}>
                  {cluster.reason}
                </span>
              )}
            </td>
            <td className="wide">{cluster.owner.name}</td>
            {grouped && <td className="wide">{cluster.group || "–"}</td>}
            <td>
              <StatusPill status={cluster.status} />
            </td>
            <td className="n wide">{workers(cluster)}</td>
            <td className="n wide">
              {cluster.rate_nanos_per_hour > 0 ? rate(cluster.rate_nanos_per_hour, cluster.currency) : "–"}
            </td>
            <td className="n strong">{money(cluster.cost_nanos, cluster.currency)}</td>
            <td className="n wide">{moment(cluster.started_at ?? cluster.created_at, clock)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function workers(cluster: Cluster): string {
  const { n_workers_running: up, options } = cluster;
  if (cluster.status === "stopped" || cluster.status === "failed") return "–";
  if (cluster.watched) return String(up);
  return up === options.n_workers ? String(up) : `${up} of ${options.n_workers}`;
}
