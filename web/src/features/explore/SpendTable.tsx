import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { lookClass } from "#/features/code/words";
import { type Dimension, manyOf, titleOf } from "#/features/explore/dimensions";
import { drill, narrowed, type Start } from "#/features/explore/drill";
import { type Column, matching, ordered, type SpendRow, type SpendView, usualOrder } from "#/features/explore/rows";
import { type ExploreSearch, readFilters, writeFilters } from "#/features/explore/search";
import { isMono, lookOf, valueWords } from "#/features/explore/words";
import { placeOf } from "#/lib/files";
import { count, duration, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Button, Fig } from "#/ui/controls";
import { type Order, SortHeader } from "#/ui/SortHeader";

/** Rows of one page: enough to compare, few enough to be there at once. */
export const PAGE_ROWS = 100;

interface SpendTableProps {
  view: SpendView;
  search: ExploreSearch;
  start: Start;
  onSearch: (next: Partial<ExploreSearch>) => void;
  onHow: () => void;
}

/** What was spent, row by row, dearest first: rows, what was not listed, and the total that both add up to. */
export function SpendTable({ view, search, start, onSearch, onHow }: SpendTableProps) {
  const { q = "", page = 1, all } = search;
  const usual = usualOrder(view.by);
  const order = (search.sort ?? usual) as Order<Column>;
  const found = useMemo(() => matching(view, q), [view, q]);
  const rows = useMemo(() => ordered(found, order), [found, order]);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const here = Math.min(page, pages);
  const shown = rows.slice((here - 1) * PAGE_ROWS, here * PAGE_ROWS);
  const amount = (row: { shown: number; nanos: number }) => fitted(row.shown, row.nanos, view.currency, view.decimals);
  const header = {
    order,
    onOrder: (next: Order<Column>) => onSearch({ sort: next === usual ? undefined : next, page: undefined }),
  };
  const many = manyOf(view.by.at(-1) ?? "line");
  const hidden = view.rows.length - found.length;
  return (
    <>
      <div className="scroll">
        <table className="spend">
          <caption className="vh">
            Cost by {view.by.map((dimension) => titleOf(dimension).toLowerCase()).join(", then ")}
          </caption>
          <thead>
            <tr>
              {view.by.map((dimension, index) => (
                <SortHeader key={dimension} {...header} column={`key${index}`} words={titleOf(dimension)} first="up" />
              ))}
              <th scope="col" className="wide bars">
                <span className="vh">Share as a bar</span>
              </th>
              <SortHeader {...header} column="time" words="Thread time" first="down" number className="wide" />
              <th scope="col" className="n wide">
                Share
              </th>
              <SortHeader {...header} column="cost" words="Cost" first="down" number />
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Row key={row.keys.join("\n")} row={row} view={view} search={search} start={start} amount={amount(row)} />
            ))}
            {rows.length > shown.length && (
              <tr className="mute">
                <td colSpan={view.by.length}>{count(rows.length - shown.length, "row")} on other pages</td>
                <td className="wide" />
                <td className="wide" />
                <td className="n wide">{percent(sumOf(rows, "share") - sumOf(shown, "share"))}</td>
                <td className="n">
                  {money(sumOf(rows, "shown") - sumOf(shown, "shown"), view.currency, view.decimals)}
                </td>
              </tr>
            )}
            {hidden > 0 && (
              <tr className="mute">
                <td colSpan={view.by.length}>
                  {count(hidden, "row")} without “{q.trim()}”
                </td>
                <td className="wide" />
                <td className="wide" />
                <td className="n wide">{percent(sumOf(view.rows, "share") - sumOf(found, "share"))}</td>
                <td className="n">
                  {money(sumOf(view.rows, "shown") - sumOf(found, "shown"), view.currency, view.decimals)}
                </td>
              </tr>
            )}
            {view.rest && (
              <tr className="mute">
                <td colSpan={view.by.length}>
                  and {view.rest.rows.toLocaleString("en-US")} more {many}{" "}
                  {!all && (
                    <Button small onClick={() => onSearch({ all: "yes" })}>
                      List up to 10,000
                    </Button>
                  )}
                </td>
                <td className="wide" />
                <td className="wide" />
                <td className="n wide">{percent(view.rest.share)}</td>
                <td className="n">{amount(view.rest)}</td>
              </tr>
            )}
          </tbody>
          <tfoot>
            <tr>
              <td colSpan={view.by.length}>Total</td>
              <td className="wide" />
              <td className="wide" />
              <td className="n wide">{view.total.nanos > 0 ? percent(1) : ""}</td>
              <td className="n">
                <Fig label="Total" onOpen={onHow}>
                  {money(view.total.shown, view.currency, view.decimals)}
                </Fig>
              </td>
            </tr>
          </tfoot>
        </table>
      </div>
      {pages > 1 && (
        <nav className="acts after" aria-label="Pages of rows">
          <Button small disabled={here === 1} onClick={() => onSearch({ page: here === 2 ? undefined : here - 1 })}>
            Previous rows
          </Button>
          <span className="mute small t">
            Page {here} of {pages}
          </span>
          <Button small disabled={here === pages} onClick={() => onSearch({ page: here + 1 })}>
            Next rows
          </Button>
        </nav>
      )}
    </>
  );
}

interface RowProps {
  row: SpendRow;
  view: SpendView;
  search: ExploreSearch;
  start: Start;
  amount: string;
}

function Row({ row, view, search, start, amount }: RowProps) {
  const last = view.by.length - 1;
  const looked = view.by.map((dimension, index) => lookOf(dimension, row.keys[index] ?? "")).find(Boolean);
  return (
    <tr title={`${money(row.nanos, view.currency, EXACT)} exactly`}>
      {view.by.map((dimension, index) => (
        <td key={dimension} className={isMono(dimension) ? "val mono" : "val"}>
          <Value
            dimension={dimension}
            value={row.keys[index] ?? ""}
            row={row}
            view={view}
            search={search}
            start={start}
            down={index === last}
          />
        </td>
      ))}
      <td className="wide bars">
        {row.nanos > 0 && view.dearest > 0 && (
          <i
            className={`mini ${looked ? lookClass(looked) : "r2"}`}
            style={{ width: `${(row.nanos / view.dearest) * 100}%` }}
          />
        )}
      </td>
      <td className="n wide mute">{duration(row.seconds)}</td>
      <td className="n wide mute">{percent(row.share)}</td>
      <td className="n strong">{amount}</td>
    </tr>
  );
}

interface ValueProps {
  dimension: Dimension;
  value: string;
  row: SpendRow;
  view: SpendView;
  search: ExploreSearch;
  start: Start;
  /** Whether it leads down: the innermost value of a row does. */
  down: boolean;
}

/** A value: leads to what it is made of, and can be made a filter without leaving. */
function Value({ dimension, value, row, view, search, start, down }: ValueProps) {
  const words = valueWords(dimension, value, view.names);
  const filters = readFilters(search.where);
  const { period, from, to } = search;
  const only = writeFilters(narrowed(filters, [dimension], [value]));
  const inner = down ? drill(search, view.by, row.keys, start) : undefined;
  const code = down && dimension === "line" && value !== "" ? placeOf(value) : undefined;
  const name = <span title={value === words ? undefined : value}>{words}</span>;
  return (
    <span className="value">
      {code ? (
        <Link
          to="/code"
          search={{
            period,
            from,
            to,
            ...code,
            where: writeFilters(narrowed(filters, view.by.slice(0, -1), row.keys.slice(0, -1))) || undefined,
          }}
        >
          {name}
        </Link>
      ) : inner ? (
        <Link to="/explore" search={inner} resetScroll={false}>
          {name}
        </Link>
      ) : (
        name
      )}
      {!filters.some((filter) => filter.dimension === dimension && filter.values.length === 1) && (
        <Link
          className="only"
          to="/explore"
          search={{ ...search, where: only, page: undefined }}
          resetScroll={false}
          aria-label={`Only ${words}`}
          title={`Only ${words}, in this grouping`}
        >
          <svg width="11" height="11" viewBox="0 0 12 12" aria-hidden="true">
            <path
              d="M1 1.5h10L7.2 6v4.5L4.8 9V6z"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.3"
              strokeLinejoin="round"
            />
          </svg>
        </Link>
      )}
    </span>
  );
}

const EXACT = 9;
const sumOf = (rows: readonly SpendRow[], what: "shown" | "share") => rows.reduce((sum, row) => sum + row[what], 0);
