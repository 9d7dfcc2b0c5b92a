import { Link } from "@tanstack/react-router";
import { type BillView, mainKind, type Row } from "#/features/bill/view";
import type { CodePath } from "#/features/code/search";
import { restOf } from "#/features/code/tree";
import { count } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { operationWords } from "#/lib/work";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

interface KindsCardProps {
  /** By operation, as displayed. */
  view: BillView;
  /** The same without what lines carry, where they carry what did no work. */
  own: BillView | undefined;
  names: Map<string, string>;
  chosen: string | undefined;
  from: CodePath;
  onHow: () => void;
}

/** The bill by what was done, dearest first; choosing one shows it in the picture, and its dearest line in the source. */
export function KindsCard({ view, own, names, chosen, from, onHow }: KindsCardProps) {
  const rest = restOf(view).filter((branch) => branch.nanos > 0 || branch.look === "unknown");
  const ownOf = new Map(own?.rows.map((row) => [row.key, row.nanos]));
  const dearest = Math.max(1, ...view.rows.map((row) => row.nanos), ...rest.map((branch) => branch.nanos));
  const amount = (shown: number, exact: number) => fitted(shown, exact, view.currency, view.decimals);
  const width = (nanos: number) => `${(nanos / dearest) * 100}%`;
  return (
    <Card title="By kind of work">
      <table className="kinds">
        <caption className="vh">Cost by operation, with its lines</caption>
        <thead>
          <tr>
            <th scope="col">Operation</th>
            <th scope="col">Line</th>
            <th scope="col" className="wide">
              <span className="vh">Share</span>
            </th>
            <th scope="col" className="n">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {view.rows.map((row) => {
            const lines = linesOf(row, view.sampled);
            const [first] = lines;
            const mine = own ? (ownOf.get(row.key) ?? 0) : row.nanos;
            return (
              <tr key={row.key} className={row.key === chosen ? "on" : undefined}>
                <td>
                  <span className="what">
                    <i className={`sw ${mainKind(row)}`} />
                    <Link
                      from={from}
                      to="."
                      search={(old) => ({ ...old, op: row.key, file: first?.file, line: first?.line })}
                      resetScroll={false}
                      aria-current={row.key === chosen ? "true" : undefined}
                    >
                      {operationWords(row.key)}
                    </Link>
                  </span>
                </td>
                <td className={lines.length === 1 ? "loc" : "mute"}>
                  {lines.length === 1 && first
                    ? `${names.get(first.file) ?? first.file}:${first.line}`
                    : count(lines.length, "line")}
                </td>
                <td className="wide share">
                  <i className={`mini ${mainKind(row)}`} style={{ width: width(mine) }} />
                  {own && <i className="mini idle" style={{ width: width(row.nanos - mine) }} />}
                </td>
                <td className="n strong">{amount(row.shown, row.nanos)}</td>
              </tr>
            );
          })}
          <tr className="rule">
            <td colSpan={2}>{own ? "Lines of code, loaded" : "Lines of code"}</td>
            <td className="wide" />
            <td className="n">{money(view.rowsShown, view.currency, view.decimals)}</td>
          </tr>
          {rest.map((branch) => (
            <tr key={branch.id}>
              <td colSpan={2}>
                <span className="what">
                  <i className={`sw ${branch.look === "unattributed" ? "lines" : branch.look}`} />
                  {branch.names[0]}
                </span>
              </td>
              <td className="wide share">
                {branch.nanos > 0 && (
                  <i
                    className={`mini ${branch.look === "unattributed" ? "lines" : branch.look}`}
                    style={{ width: width(branch.nanos) }}
                  />
                )}
              </td>
              <td className="n">{amount(branch.shown, branch.nanos)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <td colSpan={2}>Bill</td>
            <td className="wide" />
            <td className="n">
              <Fig label="Bill" onOpen={onHow}>
                {money(view.total, view.currency, view.decimals)}
              </Fig>
            </td>
          </tr>
        </tfoot>
      </table>
    </Card>
  );
}

/** The lines that created a row's work, or where threads stood if nobody says what created it; dearest first. */
function linesOf(row: Row, sampled: boolean): { file: string; line: number; nanos: number }[] {
  const lines = new Map<string, { file: string; line: number; nanos: number }>();
  for (const entry of row.entries) {
    const created = !sampled && entry.origin_file !== "";
    const file = created ? entry.origin_file : entry.file;
    const line = created ? entry.origin_line : entry.line;
    const key = `${file}:${line}`;
    lines.set(key, { file, line, nanos: (lines.get(key)?.nanos ?? 0) + entry.cost_nanos });
  }
  return [...lines.values()].sort((a, b) => b.nanos - a.nanos);
}
