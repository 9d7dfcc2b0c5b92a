import type { Cluster } from "#/api/schema";

/** Clusters that one can be compared with, newest first: its owner's, paid in the same currency, that cost something. */
export function comparable(cluster: Cluster, all: readonly Cluster[]): Cluster[] {
  return all
    .filter(
      (other) =>
        other.id !== cluster.id &&
        other.owner.id === cluster.owner.id &&
        other.currency === cluster.currency &&
        other.cost_nanos > 0,
    )
    .sort((a, b) => b.created_at.localeCompare(a.created_at));
}

/** The cluster made last before another one; where that is the first, the newest. */
export function earlier(cluster: Cluster, others: readonly Cluster[]): Cluster | undefined {
  return others.find((other) => other.created_at < cluster.created_at) ?? others[0];
}
