import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { BillView, LineRow } from "#/features/bill/view";
import { count, duration, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Button, Fig } from "#/ui/controls";

/** Lines shown before the rest is asked for. */
const FIRST_LINES = 15;

interface BillTableProps {
  view: BillView;
  names: Map<string, string>;
  selected: { file: string; line: number } | undefined;
  filter: string;
  onHow: () => void;
}

/** The bill by line: lines of code dearest first, then what is on no line, then the total. The columns add up. */
export function BillTable({ view, names, selected, filter, onHow }: BillTableProps) {
  const [all, setAll] = useState(false);
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  const found = matchingLines(view.lines, names, filter);
  const shown = all || filter ? found : found.slice(0, FIRST_LINES);
  const hidden = filter ? view.lines.length - found.length : found.length - shown.length;
  const hiddenRows = view.lines.filter((row) => !shown.includes(row));
  return (
    <>
      <div className="scroll">
        <table className="bill">
          <caption className="vh">Cost by line of code, dearest first</caption>
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col" className="wide">
                Where
              </th>
              <th scope="col" className="wide">
                Function
              </th>
              <th scope="col" className="n wide">
                Thread time
              </th>
              <th scope="col" className="n wide">
                Share
              </th>
              <th scope="col" className="n">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.key} className={isSelected(row, selected) ? "on" : undefined}>
                <td className="text">
                  <Link
                    from="/clusters/$clusterId"
                    to="."
                    search={(old) => ({ ...old, file: row.line.file, line: row.line.line })}
                    hash="source"
                    aria-current={isSelected(row, selected) ? "true" : undefined}
                  >
                    <span className="snip" title={row.line.text}>
                      <i className={`sw ${row.kind}`} />
                      {row.line.text || <span className="mute">{row.line.function || "no text"}</span>}
                    </span>
                    <span className="mute small narrow">{place(row, names)}</span>
                  </Link>
                </td>
                <td className="wide loc">{place(row, names)}</td>
                <td className="wide loc mute fn" title={row.line.function}>
                  {row.line.function}
                </td>
                <td className="n wide">{duration(row.line.thread_seconds)}</td>
                <td className="n wide mute">{percent(row.share)}</td>
                <td className="n strong">{fitted(row.shown, row.line.cost_nanos, view.currency, view.decimals)}</td>
              </tr>
            ))}
            {hidden > 0 && (
              <tr className="mute">
                <td>
                  {filter ? `${count(hidden, "other line")}` : `${count(hidden, "more line")}`}{" "}
                  {!filter && (
                    <Button small onClick={() => setAll(true)}>
                      Show all
                    </Button>
                  )}
                </td>
                <td className="wide" colSpan={2} />
                <td className="n wide">{duration(sum(hiddenRows.map((row) => row.line.thread_seconds)))}</td>
                <td className="n wide">{percent(sum(hiddenRows.map((row) => row.share)))}</td>
                <td className="n">{amount(sum(hiddenRows.map((row) => row.shown)))}</td>
              </tr>
            )}
            <tr className="rule">
              <td>Lines of code</td>
              <td className="wide" colSpan={2} />
              <td className="n wide">{duration(view.linesSeconds)}</td>
              <td className="n wide">{percent(view.linesShare)}</td>
              <td className="n">{amount(view.linesShown)}</td>
            </tr>
            {view.rest.map((row) => (
              <tr key={row.name} title={row.words.why}>
                <td>
                  <i className={`sw ${row.words.look === "unattributed" ? "lines" : row.words.look}`} />
                  {row.words.name}
                </td>
                <td className="wide" colSpan={2} />
                <td className="n wide">{row.seconds === undefined ? "" : duration(row.seconds)}</td>
                <td className="n wide mute">{percent(row.share)}</td>
                <td className="n">{fitted(row.shown, row.nanos, view.currency, view.decimals)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr className="total">
              <td>Total</td>
              <td className="wide" colSpan={2} />
              <td className="n wide" />
              <td className="n wide">{percent(view.total > 0 ? 1 : 0)}</td>
              <td className="n">
                <Fig label="Total" onOpen={onHow}>
                  {amount(view.total)}
                </Fig>
              </td>
            </tr>
          </tfoot>
        </table>
      </div>
      {all && found.length > FIRST_LINES && (
        <Button small onClick={() => setAll(false)}>
          Show the dearest {FIRST_LINES} only
        </Button>
      )}
    </>
  );
}

function place(row: LineRow, names: Map<string, string>): string {
  return `${names.get(row.line.file) ?? row.line.file}:${row.line.line}`;
}

/** Lines whose text, place, function or task prefixes hold the filter. */
export function matchingLines(rows: readonly LineRow[], names: Map<string, string>, filter: string): LineRow[] {
  const wanted = filter.trim().toLowerCase();
  if (!wanted) return [...rows];
  return rows.filter((row) => {
    const prefixes = row.line.prefixes.map((part) => part.prefix).join(" ");
    return `${row.line.text} ${place(row, names)} ${row.line.function} ${prefixes}`.toLowerCase().includes(wanted);
  });
}

function isSelected(row: LineRow, selected: { file: string; line: number } | undefined): boolean {
  return selected !== undefined && row.line.file === selected.file && row.line.line === selected.line;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
