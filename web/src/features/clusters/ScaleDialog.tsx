import { type FormEvent, useId, useState } from "react";
import { useScale } from "#/api/queries/clusters";
import type { Cluster, Process } from "#/api/schema";
import { words } from "#/features/shell/Failure";
import { count } from "#/lib/format";
import { rate } from "#/lib/money";
import { Button } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";
import { ErrorNote } from "#/ui/states";

const MOST_WORKERS = 1000;

interface ScaleDialogProps {
  id: string;
  cluster: Cluster;
  processes: readonly Process[] | undefined;
  onClose: () => void;
}

/** Asks how many workers are wanted; says what that costs, and what is lost by shrinking, before anything happens. */
export function ScaleDialog({ id, cluster, processes, onClose }: ScaleDialogProps) {
  const [text, setText] = useState(String(cluster.options.n_workers));
  const scale = useScale(id);
  const hint = useId();
  const wanted = /^\d+$/.test(text.trim()) ? Number(text) : undefined;
  const valid = wanted !== undefined && wanted <= MOST_WORKERS;
  const now = cluster.options.n_workers;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid) scale.mutate(wanted, { onSuccess: onClose });
  };
  return (
    <Dialog title={`Scale ${cluster.name}`} onClose={onClose}>
      <form className="state" style={{ gap: 12, justifyItems: "stretch" }} onSubmit={submit}>
        <label className="above">
          Workers wanted
          <input
            className="field t"
            type="number"
            inputMode="numeric"
            min={0}
            max={MOST_WORKERS}
            required
            value={text}
            aria-describedby={hint}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <div id={hint} aria-live="polite" className="mute small">
          {valid ? (
            <Effect cluster={cluster} processes={processes} wanted={wanted} now={now} />
          ) : (
            `A whole number from 0 to ${MOST_WORKERS}.`
          )}
        </div>
        {scale.isError && (
          <ErrorNote
            title="The cluster was not scaled."
            message={words(scale.error).message}
            code={words(scale.error).code}
          />
        )}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!valid || wanted === now || scale.isPending}>
            {scale.isPending ? "Scaling…" : "Scale"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Effect(props: { cluster: Cluster; processes: readonly Process[] | undefined; wanted: number; now: number }) {
  const { cluster, processes, wanted, now } = props;
  if (wanted === now) return <>{count(now, "worker")} as now.</>;
  const each = processes?.find(
    (process) => process.role === "worker" && process.status === "running",
  )?.rate_nanos_per_hour;
  const change = each === undefined ? undefined : rate(Math.abs(wanted - now) * each, cluster.currency);
  if (wanted > now) {
    return (
      <>
        {count(wanted - now, "worker")} more
        {change ? `, about ${change} on top of ${rate(cluster.rate_nanos_per_hour, cluster.currency)}` : ""}.
      </>
    );
  }
  return (
    <>
      {count(now - wanted, "worker")} fewer, the newest first{change ? `: saves about ${change}` : ""}.{" "}
      {wanted === 0
        ? "With no worker left, results in memory are lost and running tasks stop."
        : "Their results in memory move to the workers that stay; tasks that still run on them start again there."}
    </>
  );
}
