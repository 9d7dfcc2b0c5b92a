import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useRef } from "react";
import { mainKind, type Row } from "#/features/bill/view";
import type { CodePath } from "#/features/code/search";
import { count } from "#/lib/format";
import { highlight } from "#/lib/python";

/** Widest bar of the gutter, for the dearest line. */
const BAR_PX = 50;

/** Pages that show source. */
export type SourcePage = "/clusters/$clusterId" | CodePath;

interface SourceViewProps {
  file: string;
  text: string;
  costs: Map<number, Row>;
  /** What each line cost by itself, where costs hold what it carries beside that. */
  own?: Map<number, Row> | undefined;
  /** Whether only the text of lines that cost money is known, so that no line is known to be empty. */
  sparse?: boolean;
  selected: number | undefined;
  amount: (shown: number, exact: number) => string;
  /** The page it stands on, whose address holds the chosen line. */
  from: SourcePage;
  onSelect: (line: number) => void;
}

/** A file's source with what each line cost beside it. */
export function SourceView({
  file,
  text,
  costs,
  own,
  sparse = false,
  selected,
  amount,
  from,
  onSelect,
}: SourceViewProps) {
  const lines = useMemo(() => highlight(text), [text]);
  const gaps = useMemo(
    () =>
      gapsOf(
        lines.map((tokens) => tokens.length === 0),
        sparse ? 0 : MOST_EMPTY,
      ),
    [lines, sparse],
  );
  const dearest = Math.max(0, ...[...costs.values()].map((cost) => cost.nanos));
  const bar = (nanos: number) => Math.max(1, (nanos / dearest) * BAR_PX);
  const target = selected ?? [...costs].find(([, cost]) => cost.nanos === dearest)?.[0];
  const frame = useRef<HTMLElement>(null);
  // Keyed by file and line, never by a refetch: nobody's scrolling is undone.
  useEffect(() => {
    const box = frame.current;
    const row = box?.querySelector<HTMLElement>(`[data-line="${target}"]`);
    if (!box || !row) return;
    const top = row.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = top - box.clientHeight / 3;
  }, [target]);
  return (
    <section
      className="src"
      ref={frame}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label={`Source of ${file}`}
    >
      <ol>
        {lines.map((tokens, index) => {
          const number = index + 1;
          const gap = gaps.get(index);
          if (gap === 0) return null;
          if (gap !== undefined) return <Gap key={number} lines={gap} />;
          const cost = costs.get(number);
          const look = [
            cost && "paid",
            cost && cost.nanos === dearest && dearest > 0 && "hot",
            number === selected && "hot on",
          ].filter(Boolean);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the link in the gutter is the keyboard's way; the row only widens its target.
            <li
              key={number}
              data-line={number}
              className={look.join(" ") || undefined}
              onClick={cost ? () => onSelect(number) : undefined}
            >
              <span className="d">
                {cost && (
                  <Link
                    from={from}
                    to="."
                    search={(old) => ({ ...old, file, line: number })}
                    resetScroll={false}
                    aria-label={`Line ${number}, ${amount(cost.shown, cost.nanos)}`}
                    aria-current={number === selected ? "true" : undefined}
                  >
                    {amount(cost.shown, cost.nanos)}
                  </Link>
                )}
              </span>
              <span className="g">
                {cost && dearest > 0 && (
                  <i className={`mini ${mainKind(cost)}`} style={{ width: bar((own?.get(number) ?? cost).nanos) }} />
                )}
                {cost && own && dearest > 0 && (
                  <i className="mini idle" style={{ width: bar(cost.nanos - (own.get(number)?.nanos ?? 0)) }} />
                )}
              </span>
              <span className="ln">{number}</span>
              <code>
                {tokens.map((token, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: tokens of one line of a text that never changes.
                  <span key={at} className={token.kind}>
                    {token.text}
                  </span>
                ))}
                {tokens.length === 0 && " "}
              </code>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** Stands for many empty lines: of a cluster that is watched from outside, only the text of lines that ran is known. */
function Gap({ lines }: { lines: number }) {
  return (
    <li className="fold">
      <span />
      <span />
      <span className="ln">⋮</span>
      <span>{count(lines, "line without text", "lines without text")}</span>
    </li>
  );
}

/** Empty lines that follow each other stand for themselves up to so many. */
const MOST_EMPTY = 6;

/** Where longer runs of empty lines begin, with their length; the rest of each run is 0. */
export function gapsOf(empty: readonly boolean[], most = MOST_EMPTY): Map<number, number> {
  const gaps = new Map<number, number>();
  for (let at = 0; at < empty.length; at += 1) {
    let end = at;
    while (empty[end]) end += 1;
    if (end - at > most) {
      gaps.set(at, end - at);
      for (let inside = at + 1; inside < end; inside += 1) gaps.set(inside, 0);
    }
    at = Math.max(at, end);
  }
  return gaps;
}
