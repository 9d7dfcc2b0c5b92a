import { useState } from "react";
import { BillRow, type Place } from "#/features/bill/BillRow";
import type { BillView } from "#/features/bill/view";
import { CAPTIONS, countOf, matching } from "#/features/bill/words";
import { duration, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import type { RestLook } from "#/lib/work";
import { Button, Fig } from "#/ui/controls";

/** Rows shown before the rest is asked for. */
const FIRST_ROWS = 15;

/** What few readers have met before is explained where it stands; why threads were idle has a card of its own. */
const EXPLAINED: readonly RestLook[] = ["lost", "gap", "unattributed", "unknown"];

interface BillTableProps {
  view: BillView;
  names: Map<string, string>;
  selected: Place | undefined;
  filter: string;
  onHow: () => void;
}

/** The bill: rows dearest first, then what is on no line, then the total. The columns add up, in every grouping. */
export function BillTable({ view, names, selected, filter, onHow }: BillTableProps) {
  const [all, setAll] = useState(false);
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  const found = matching(view.rows, names, filter);
  const shown = all || filter ? found : found.slice(0, FIRST_ROWS);
  const hidden = view.rows.filter((row) => !shown.includes(row));
  const dearest = Math.max(0, ...view.rows.map((row) => row.nanos));
  return (
    <>
      <div className="scroll">
        <table className="bill">
          <caption className="vh">{CAPTIONS[view.by]}</caption>
          <thead>
            <tr>
              <th scope="col" className="first">
                {view.by === "operation" ? "Operation" : view.by === "library" ? "Library" : "Line"}
              </th>
              <th scope="col" className="wide">
                {view.by === "operation" ? "Mostly in" : view.by === "library" ? "Mostly" : "Where"}
              </th>
              <th scope="col" className="wide">
                Work
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
              <BillRow
                key={`${view.by} ${row.key}`}
                view={view}
                row={row}
                names={names}
                selected={selected}
                dearest={dearest}
              />
            ))}
            {hidden.length > 0 && (
              <tr className="mute">
                <td>
                  {countOf(hidden.length, view.by, filter ? "other" : "more")}{" "}
                  {!filter && (
                    <Button small onClick={() => setAll(true)}>
                      Show all
                    </Button>
                  )}
                </td>
                <td className="wide" colSpan={2} />
                <td className="n wide">{duration(sum(hidden.map((row) => row.seconds)))}</td>
                <td className="n wide">{percent(sum(hidden.map((row) => row.share)))}</td>
                <td className="n">{amount(sum(hidden.map((row) => row.shown)))}</td>
              </tr>
            )}
            <tr className="rule">
              <td>Lines of code</td>
              <td className="wide" colSpan={2} />
              <td className="n wide">{duration(view.rowsSeconds)}</td>
              <td className="n wide">{percent(view.rowsShare)}</td>
              <td className="n">{amount(view.rowsShown)}</td>
            </tr>
            {view.rest.map((row) => (
              <tr key={row.name} title={row.words.why}>
                <td>
                  <i className={`sw ${row.words.look === "unattributed" ? "lines" : row.words.look}`} />
                  {row.words.name}
                  {EXPLAINED.includes(row.words.look) && row.nanos > 0 && (
                    <span className="mute small why">{row.words.why}</span>
                  )}
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
      {all && found.length > FIRST_ROWS && (
        <Button small onClick={() => setAll(false)}>
          Show the dearest {FIRST_ROWS} only
        </Button>
      )}
    </>
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
