import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { type BillView, DEPTH, dearestOf, inside, levelOf, mainKind, type Row, sharedWith } from "#/features/bill/view";
import { WorkBar } from "#/features/bill/WorkBar";
import { libraryWords, nameOf, placeOf, shortPlace } from "#/features/bill/words";
import { duration, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { operationWords } from "#/lib/work";
import { Button } from "#/ui/controls";

export interface Place {
  file: string;
  line: number;
}

interface BillRowProps {
  view: BillView;
  row: Row;
  /** The row around this one; none for a row of the bill itself. */
  parent?: Row;
  depth?: number;
  names: Map<string, string>;
  selected: Place | undefined;
  dearest: number;
}

/** Rows inside one shown before the rest is asked for. */
const FIRST_PARTS = 8;

/** One row of the bill, which opens to what is inside it: lines, and in these the task prefixes. */
export function BillRow({ view, row, parent, depth = 0, names, selected, dearest }: BillRowProps) {
  const [open, setOpen] = useState(false);
  const [all, setAll] = useState(false);
  const { about } = row;
  const name = nameOf(about, names);
  const parts = open ? inside(view, row, depth) : [];
  const first = all || parts.length <= FIRST_PARTS + 1 ? parts : parts.slice(0, FIRST_PARTS);
  const more = parts.slice(first.length);
  const on = depth === 0 && about.type === "line" && selected?.file === about.file && selected.line === about.line;
  const shared = about.type === "line" && about.side === "origin" && depth === 0 ? sharedWith(row) : [];
  return (
    <>
      <tr className={[`d${depth}`, on && "on"].filter(Boolean).join(" ")}>
        <td className="text">
          <div className="lead">
            {depth < DEPTH - 1 ? (
              <button
                type="button"
                className="twist"
                aria-expanded={open}
                aria-label={`What is inside ${name}`}
                onClick={() => setOpen(!open)}
              >
                <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
                  <path d="M3 1.5 6.5 5 3 8.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
                </svg>
              </button>
            ) : (
              <span className="twist" />
            )}
            <Subject row={row} parent={parent} names={names} on={on} />
          </div>
        </td>
        <td className="wide where">
          <Where view={view} row={row} depth={depth} names={names} />
        </td>
        <td className="wide">{about.type !== "prefix" && <WorkBar row={row} dearest={dearest} />}</td>
        <td className="n wide">
          {duration(row.seconds)}
          {depth < DEPTH - 1 && row.native >= 0.05 && (
            <span className="mute small native">of it {duration(row.native)} in native threads</span>
          )}
        </td>
        <td className="n wide mute">{percent(row.share)}</td>
        <td className={depth === 0 ? "n strong" : "n"}>{fitted(row.shown, row.nanos, view.currency, view.decimals)}</td>
      </tr>
      {open && shared.length > 0 && (
        <tr className="d1 remark">
          <td colSpan={6} className="mute small">
            Also asked for by {shared.map((place) => shortPlace(place, names)).join(", ")}; who asks first pays.
          </td>
        </tr>
      )}
      {first.map((part) => (
        <BillRow
          key={part.key}
          view={view}
          row={part}
          parent={row}
          depth={depth + 1}
          names={names}
          selected={selected}
          dearest={dearest}
        />
      ))}
      {more.length > 0 && (
        <tr className={`d${depth + 1} mute`}>
          <td>
            <span className="lead">
              <span className="twist" />
              <span>
                {more.length} more{" "}
                <Button small onClick={() => setAll(true)}>
                  Show all
                </Button>
              </span>
            </span>
          </td>
          <td className="wide" colSpan={2} />
          <td className="n wide">{duration(sum(more.map((part) => part.seconds)))}</td>
          <td className="n wide">{percent(sum(more.map((part) => part.share)))}</td>
          <td className="n">{money(sum(more.map((part) => part.shown)), view.currency, view.decimals)}</td>
        </tr>
      )}
    </>
  );
}

/** What a row is about: source that leads to its place, or the words of what it is. */
function Subject({
  row,
  parent,
  names,
  on,
}: {
  row: Row;
  parent: Row | undefined;
  names: Map<string, string>;
  on: boolean;
}) {
  const { about } = row;
  const swatch = <i className={`sw ${mainKind(row)}`} />;
  if (about.type === "prefix") {
    return (
      <span className="snip mute">
        {about.prefix ? (
          <>
            tasks <code>{about.prefix}</code>
          </>
        ) : (
          "outside of tasks"
        )}
      </span>
    );
  }
  if (about.type !== "line") {
    return (
      <span className="subject">
        {swatch}
        {nameOf(about, names)}
      </span>
    );
  }
  return (
    <Link
      from="/clusters/$clusterId"
      to="."
      search={(old) => ({ ...old, file: about.file, line: about.line })}
      hash="source"
      aria-current={on ? "true" : undefined}
    >
      <span className="snip" title={about.text}>
        {swatch}
        {about.text || <span className="mute">{about.function || "no text"}</span>}
      </span>
      <span className="mute small narrow">{placeOf(about, names)}</span>
      {row.work && (
        <span className="mute small inner">
          {sameLine(row, parent) && `${about.side === "line" ? "on" : "by"} this line itself: `}
          {workWords(row, parent)}
        </span>
      )}
    </Link>
  );
}

/** What was done on a line, less what the row around it says already. */
function workWords(row: Row, parent: Row | undefined): string {
  const { operation = "", library = "" } = row.work ?? {};
  if (parent?.about.type === "operation") return libraryWords(library);
  return [operationWords(operation), parent?.about.type !== "library" && library].filter(Boolean).join(", ");
}

function sameLine(row: Row, parent: Row | undefined): boolean {
  const [a, b] = [row.about, parent?.about];
  return a.type === "line" && b?.type === "line" && a.file === b.file && a.line === b.line;
}

/** The place of a line, and whether it is only where the work was asked for; of what is no line, where most of it was done. */
function Where(props: { view: BillView; row: Row; depth: number; names: Map<string, string> }): ReactNode {
  const { view, row, depth, names } = props;
  const { about } = row;
  if (about.type === "prefix") return null;
  if (about.type === "library") return <span className="mute small">{mainWork(row)}</span>;
  if (about.type === "operation") return <span className="mute small">{mainLibrary(row)}</span>;
  const level = about.side === "origin" && !view.sampled ? levelOf(row) : "created";
  return (
    <>
      <span className="loc">{placeOf(about, names)}</span>
      {level !== "created" && (depth === 0 || level === "submitted") && (
        <span
          className="tag"
          title={
            level === "both"
              ? "Of some of this work the line that created it is not known: it stands here, where it was submitted"
              : "The line that created this work is not known: it stands here, where it was submitted"
          }
        >
          {level === "both" ? "partly submitted" : "submitted"}
        </span>
      )}
    </>
  );
}

const mainWork = (row: Row) => operationWords(dearestOf(row, (entry) => entry.operation));
const mainLibrary = (row: Row) => libraryWords(dearestOf(row, (entry) => entry.library));

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
