import { CopyButton } from "#/ui/controls";
import { Empty } from "#/ui/states";

const SNIPPET = "from lineitem import Cluster\ncluster = Cluster(n_workers=2)";

/** What to do on a server that has seen no cluster. */
export function FirstRun() {
  return (
    <Empty title="No cluster has reported yet.">
      <p className="mute">Run this in any notebook or script; the first dollars appear here within 20 s.</p>
      <pre className="code mono">{SNIPPET}</pre>
      <CopyButton text={SNIPPET} primary />
      <p className="mute">
        Or, without a notebook, run a script of your own as it is: <code>lineitem run script.py</code>
      </p>
      <p className="mute">
        Or watch a cluster that you already have: <code>lineitem.watch(client)</code> in Python, or from outside,
        installing nothing: <code>lineitem watch tcp://host:8786</code>
      </p>
    </Empty>
  );
}
