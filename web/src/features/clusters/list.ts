import type { Cluster } from "#/api/schema";
import type { Order } from "#/ui/SortHeader";

export const COLUMNS = ["name", "owner", "group", "status", "workers", "rate", "cost", "started"] as const;
export type Column = (typeof COLUMNS)[number];

/** Statuses in the order of a life, which is how they sort. */
export const STATUSES = ["pending", "starting", "running", "stopping", "stopped", "failed"] as const;

const VALUES: Record<Column, (cluster: Cluster) => string | number> = {
  name: (cluster) => cluster.name,
  owner: (cluster) => cluster.owner.name,
  group: (cluster) => cluster.group,
  status: (cluster) => STATUSES.indexOf(cluster.status),
  workers: (cluster) => cluster.n_workers_running,
  rate: (cluster) => cluster.rate_nanos_per_hour,
  cost: (cluster) => cluster.cost_nanos,
  started: (cluster) => new Date(cluster.started_at ?? cluster.created_at).getTime(),
};

/** The clusters whose name, owner, id or status holds every word of the filter. */
export function matching(clusters: readonly Cluster[], filter: string): Cluster[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return clusters.filter((cluster) => {
    const watched = cluster.watched ? `watched ${cluster.deployment}` : "";
    const text =
      `${cluster.name} ${cluster.owner.name} ${cluster.group} ${cluster.id} ${cluster.status} ${watched}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Clusters in the order of a column; equal ones newest first, so that polling never shuffles them. */
export function ordered(clusters: readonly Cluster[], order: Order<Column>): Cluster[] {
  const down = order.startsWith("-");
  const value = VALUES[(down ? order.slice(1) : order) as Column];
  return [...clusters].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    const by = typeof x === "string" && typeof y === "string" ? x.localeCompare(y) : Number(x) - Number(y);
    return (down ? -by : by) || b.created_at.localeCompare(a.created_at) || a.id.localeCompare(b.id);
  });
}

/** What runs now and what that costs an hour, by currency: clusters of different currencies are never added. */
export function runningRates(clusters: readonly Cluster[]): { currency: string; rate: number }[] {
  const sums = new Map<string, number>();
  for (const cluster of clusters) {
    sums.set(cluster.currency, (sums.get(cluster.currency) ?? 0) + cluster.rate_nanos_per_hour);
  }
  return [...sums].map(([currency, rate]) => ({ currency, rate }));
}
