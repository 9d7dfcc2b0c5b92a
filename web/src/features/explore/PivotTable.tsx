import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { isTime, manyOf, titleOf } from "#/features/explore/dimensions";
import { drill, type Start } from "#/features/explore/drill";
import { pivotOf } from "#/features/explore/pivot";
import type { SpendView } from "#/features/explore/rows";
import type { ExploreSearch } from "#/features/explore/search";
import { isMono, valueWords } from "#/features/explore/words";
import { fitted, money } from "#/lib/money";
import { Fig } from "#/ui/controls";

interface PivotTableProps {
  view: SpendView;
  search: ExploreSearch;
  start: Start;
  onHow: () => void;
}

/** The key of the cell that stands for all other columns: no value can be called so. */
const OTHERS = "\n";

/** Two dimensions across each other; every row and the total add up as displayed. */
export function PivotTable({ view, search, start, onHow }: PivotTableProps) {
  const [down, across] = view.by;
  const pivot = useMemo(() => pivotOf(view, across !== undefined && isTime(across)), [view, across]);
  if (!down || !across) return null;
  const amount = (shown: number, nanos: number) =>
    nanos === 0 ? "" : fitted(shown, nanos, view.currency, view.decimals);
  const width = pivot.columns.length + (pivot.others > 0 ? 1 : 0);
  const cells = (shown: readonly number[], nanos: readonly number[], to: (at: number) => ExploreSearch | undefined) =>
    [...pivot.columns, ...(pivot.others > 0 ? [OTHERS] : [])].map((key, at) => {
      const target = at < pivot.columns.length ? to(at) : undefined;
      const words = amount(shown[at] ?? 0, nanos[at] ?? 0);
      return (
        <td key={key} className="n">
          {target && words ? (
            <Link className="quiet" to="/explore" search={target} resetScroll={false}>
              {words}
            </Link>
          ) : (
            words
          )}
        </td>
      );
    });
  return (
    <div className="scroll">
      <table className="spend pivot">
        <caption className="vh">
          Cost by {titleOf(down).toLowerCase()} down and {titleOf(across).toLowerCase()} across
        </caption>
        <thead>
          <tr>
            <th scope="col">{titleOf(down)}</th>
            {pivot.columns.map((column) => (
              <th key={column} scope="col" className="n" title={column}>
                {valueWords(across, column, view.names)}
              </th>
            ))}
            {pivot.others > 0 && (
              <th scope="col" className="n">
                {pivot.others} other {manyOf(across)}
              </th>
            )}
            <th scope="col" className="n">
              Total
            </th>
          </tr>
        </thead>
        <tbody>
          {pivot.rows.map((row) => {
            const target = drill(search, [down], [row.key], start);
            const words = valueWords(down, row.key, view.names);
            return (
              <tr key={row.key}>
                <td className={isMono(down) ? "val mono" : "val"}>
                  {target ? (
                    <Link to="/explore" search={target} title={row.key} resetScroll={false}>
                      {words}
                    </Link>
                  ) : (
                    words
                  )}
                </td>
                {cells(row.shown, row.cells, (at) =>
                  drill(search, [down, across], [row.key, pivot.columns[at] ?? ""], start),
                )}
                <td className="n strong">{amount(row.total, row.nanos)}</td>
              </tr>
            );
          })}
          {pivot.rest && (
            <tr className="mute">
              <td>and {pivot.rest.rows.toLocaleString("en-US")} more</td>
              <td colSpan={width} />
              <td className="n">{amount(pivot.rest.shown, pivot.rest.nanos)}</td>
            </tr>
          )}
        </tbody>
        <tfoot>
          <tr>
            <td>Total</td>
            {cells(pivot.sumsShown, pivot.sums, () => undefined)}
            <td className="n">
              <Fig label="Total" onOpen={onHow}>
                {money(view.total.shown, view.currency, view.decimals)}
              </Fig>
            </td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}
