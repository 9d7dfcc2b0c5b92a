import { useStop } from "#/api/queries/clusters";
import type { Cluster } from "#/api/schema";
import { words } from "#/features/shell/Failure";
import { bytes, count } from "#/lib/format";
import { rate } from "#/lib/money";
import { Button } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";
import { ErrorNote } from "#/ui/states";

/** Names what stopping loses and saves, then stops. */
export function StopDialog({ id, cluster, onClose }: { id: string; cluster: Cluster; onClose: () => void }) {
  const stop = useStop(id);
  return (
    <Dialog title={`Stop ${cluster.name}?`} onClose={onClose}>
      <ul className="losses">
        {losses(cluster).map((loss) => (
          <li key={loss}>{loss}</li>
        ))}
      </ul>
      <p className="mute">
        {cluster.rate_nanos_per_hour > 0 &&
          `${rate(cluster.rate_nanos_per_hour, cluster.currency)} is no longer paid. `}
        Files already written, the bill and the logs stay. A stopped cluster does not start again.
      </p>
      {stop.isError && (
        <ErrorNote
          title="The cluster was not stopped."
          message={words(stop.error).message}
          code={words(stop.error).code}
        />
      )}
      <footer>
        <Button onClick={onClose}>Keep it running</Button>
        <Button look="danger" disabled={stop.isPending} onClick={() => stop.mutate(undefined, { onSuccess: onClose })}>
          {stop.isPending ? "Stopping…" : "Stop cluster"}
        </Button>
      </footer>
    </Dialog>
  );
}

/** What is lost by stopping now, as the scheduler last told; without a report that is said instead. */
export function losses(cluster: Cluster): string[] {
  const gauges = cluster.gauges;
  if (!gauges) return ["The scheduler has not reported yet: whatever runs there is lost."];
  const waiting = gauges.queued + gauges.waiting + gauges.no_worker;
  const lost: string[] = [];
  if (gauges.processing > 0) lost.push(`${count(gauges.processing, "task")} running now: the work is lost.`);
  if (waiting > 0) lost.push(`${count(waiting, "task")} waiting: never run.`);
  if (gauges.in_memory > 0) {
    lost.push(`${count(gauges.in_memory, "result")} in memory, ${bytes(gauges.managed_bytes)}: lost.`);
  }
  if (lost.length === 0) lost.push("Nothing runs and no result is in memory: nothing is lost.");
  if (gauges.clients > 0) lost.push(`${count(gauges.clients, "client")} connected: disconnected.`);
  return lost;
}
