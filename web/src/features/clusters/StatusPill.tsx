import type { Cluster } from "#/api/schema";

const LOOKS: Record<Cluster["status"], string> = {
  pending: "",
  starting: "",
  running: "good",
  stopping: "warn",
  stopped: "",
  failed: "bad",
};

/** What a cluster or process is doing. */
export function StatusPill({ status }: { status: Cluster["status"] }) {
  return (
    <span className={`tag ${LOOKS[status]}`}>
      {status === "running" && <span className="dot" />}
      {status}
    </span>
  );
}
