import type { Cluster } from "#/api/schema";

/** How a cluster that Lineitem did not start was started, as far as can be seen. */
const DEPLOYMENTS: Record<string, string> = {
  local: "a local cluster",
  jobqueue: "dask-jobqueue",
  kubernetes: "dask-kubernetes",
  gateway: "dask-gateway",
  cuda: "dask-cuda",
  manual: "started by hand",
};

/** Marks a cluster that Lineitem did not start, and how it is measured. */
export function WatchedPill({ cluster }: { cluster: Pick<Cluster, "watched" | "deployment" | "method" | "away"> }) {
  if (!cluster.watched) return null;
  const how = DEPLOYMENTS[cluster.deployment] ?? cluster.deployment;
  return (
    <>
      {" "}
      <span className="tag" title="Lineitem did not start it: it is measured and priced, not controlled">
        watched{how && `, ${how}`}
      </span>
      {cluster.away && (
        <>
          {" "}
          <span
            className="tag warn"
            title="It has not reported for half a minute; it ends at its last report if it stays so"
          >
            not heard of
          </span>
        </>
      )}
      {cluster.method === "sampled" && (
        <>
          {" "}
          <span className="tag warn" title="Looked at once a second over the network: figures are estimates">
            sampled from outside
          </span>
        </>
      )}
    </>
  );
}
