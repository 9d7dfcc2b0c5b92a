import { Link } from "@tanstack/react-router";
import { useId, useMemo } from "react";
import { ApiError } from "#/api/client";
import { useBill } from "#/api/queries/clusters";
import type { Bill, Cluster } from "#/api/schema";
import { type BillView, viewOf } from "#/features/bill/view";
import { filesNamed } from "#/features/clusters/files";
import { type Change, type Changes, changesOf } from "#/features/code/changes";
import type { CodePath } from "#/features/code/search";
import { lookClass, lookWords } from "#/features/code/words";
import { Failure } from "#/features/shell/Failure";
import { count } from "#/lib/format";
import { money, signed } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { Empty, SkeletonRows } from "#/ui/states";

interface ChangeCardProps {
  bill: Bill;
  /** The bill by line. */
  view: BillView;
  names: Map<string, string>;
  against: string | undefined;
  /** Clusters it can be compared with, newest first. */
  others: readonly Cluster[];
  clock: Clock;
  onAgainst: (id: string | undefined) => void;
  onToggle: () => void;
}

/** What changed against another cluster of the same owner, by line. */
export function ChangeCard(props: ChangeCardProps) {
  const { bill, view, names, against, others, clock, onAgainst, onToggle } = props;
  const choice = useId();
  const known = others.some((cluster) => cluster.id === against);
  const other = others.find((cluster) => cluster.id === against);
  return (
    <Card
      title={against ? `Change against ${other?.name ?? against}` : "Change against another cluster"}
      actions={
        (against || others.length > 0) && (
          <>
            <label className="vh" htmlFor={choice}>
              Cluster to compare with
            </label>
            <select
              id={choice}
              className="field short"
              value={against ?? ""}
              onChange={(event) => onAgainst(event.target.value || undefined)}
            >
              <option value="">Choose a cluster</option>
              {against && !known && <option value={against}>{against}</option>}
              {others.map((cluster) => (
                <option key={cluster.id} value={cluster.id}>
                  {cluster.name}, {moment(cluster.created_at, clock)}, {money(cluster.cost_nanos, cluster.currency)}
                </option>
              ))}
            </select>
            <Button small onClick={onToggle} aria-keyshortcuts="d">
              {against ? "Stop comparing" : "Compare with the one before"}
              <span className="k" aria-hidden="true">
                d
              </span>
            </Button>
          </>
        )
      }
    >
      {against ? (
        <Against id={against} bill={bill} view={view} names={names} />
      ) : (
        <p className="mute">
          {others.length > 0
            ? "Lines are matched by their file and text, wherever they stand in it."
            : "Its owner has no other cluster that has cost anything yet."}
        </p>
      )}
    </Card>
  );
}

function Against(props: { id: string; bill: Bill; view: BillView; names: Map<string, string> }) {
  const { id, bill, view, names } = props;
  const other = useBill(id, false);
  const changes = useMemo(() => other.data && changesOf(view, viewOf(other.data, view.by)), [other.data, view]);
  const allNames = useMemo(
    () => new Map([...filesNamed(other.data, undefined, undefined), ...names]),
    [other.data, names],
  );
  if (id === bill.cluster_id) return <p className="mute">This is the same cluster. Choose another one.</p>;
  if (other.error instanceof ApiError && other.error.status === 404) {
    return <Empty title="The cluster to compare with does not exist, or is not yours to see." />;
  }
  if (other.isError) return <Failure error={other.error} what="The other bill" onRetry={() => other.refetch()} />;
  if (!other.data || !changes) return <SkeletonRows what="the other bill" />;
  if (other.data.currency !== bill.currency) {
    return (
      <p className="mute">
        This bill is in {bill.currency} and the other in {other.data.currency}: amounts are not compared.
      </p>
    );
  }
  if (other.data.method !== bill.method) {
    return (
      <>
        <p className="note warn small">
          One of the two was measured from within, the other sampled from outside: lines of the sampled one are where
          threads stood, not what created the work.
        </p>
        <ChangeTable changes={changes} view={view} names={allNames} from={FROM} />
      </>
    );
  }
  return <ChangeTable changes={changes} view={view} names={allNames} from={FROM} />;
}

const FROM: CodePath = "/clusters/$clusterId/code";

interface ChangeTableProps {
  changes: Changes;
  view: BillView;
  names: Map<string, string>;
  from: CodePath;
}

/** Changes line by line, which add up to that of the total. */
export function ChangeTable({ changes, view, names, from }: ChangeTableProps) {
  const { rows, others, total } = changes;
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  const change = (row: { shown: number }) => (
    <td className={`n ${row.shown > 0 ? "bad" : row.shown < 0 ? "good" : ""}`}>
      {signed(row.shown, view.currency, view.decimals)}
    </td>
  );
  const up = Math.max(0, ...rows.map((row) => row.nanos));
  const down = Math.max(0, ...rows.map((row) => -row.nanos));
  return (
    <table className="kinds">
      <caption className="vh">Change of cost by line, largest rise first</caption>
      <thead>
        <tr>
          <th scope="col">Line</th>
          <th scope="col" className="wide">
            <span className="vh">Direction</span>
          </th>
          <th scope="col" className="n">
            Change
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td>
              <Subject row={row} names={names} from={from} />
            </td>
            <td className="wide change">
              <Direction row={row} up={up} down={down} />
            </td>
            {change(row)}
          </tr>
        ))}
        {others.count > 0 && (
          <tr className="mute">
            <td>{count(others.count, "smaller change")}</td>
            <td className="wide" />
            {change(others)}
          </tr>
        )}
      </tbody>
      <tfoot>
        <tr>
          <td>
            Total, from {amount(total.from)} to {amount(total.to)}
          </td>
          <td className="wide" />
          {change(total)}
        </tr>
      </tfoot>
    </table>
  );
}

/** A line that can be chosen, one that is gone, or what is on no line. */
function Subject({ row, names, from }: { row: Change; names: Map<string, string>; from: CodePath }) {
  const { place } = row;
  if (!place) return <>{lookWords(row.look)}</>;
  const name = `${names.get(place.file) ?? place.file}:${place.line}`;
  if (!row.here) {
    return (
      <>
        <span className="loc">{name}</span> <span className="mute small">no longer there</span>
      </>
    );
  }
  return (
    <>
      <Link
        className="loc"
        from={from}
        to="."
        search={(old) => ({ ...old, file: place.file, line: place.line, op: undefined })}
        resetScroll={false}
      >
        {name}
      </Link>
      {row.from === 0 && <span className="mute small"> new</span>}
    </>
  );
}

/** A change as a bar to the right of the axis for more, to the left for less. */
function Direction({ row, up, down }: { row: Change; up: number; down: number }) {
  const whole = up + down;
  if (whole === 0) return null;
  const axis = (down / whole) * 100;
  const width = (Math.abs(row.nanos) / whole) * 100;
  return (
    <span className="axis">
      <i
        className={`mini ${lookClass(row.look)}`}
        style={{ left: `${row.nanos > 0 ? axis : axis - width}%`, width: `${width}%` }}
      />
      <i className="zero" style={{ left: `${axis}%` }} />
    </span>
  );
}
