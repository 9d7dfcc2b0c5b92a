import { useEffect, useId, useRef, useState } from "react";
import { type Poll, useLogs } from "#/api/queries/clusters";
import type { Process } from "#/api/schema";
import { found } from "#/features/logs/search";
import { Failure } from "#/features/shell/Failure";
import { count } from "#/lib/format";
import { Card } from "#/ui/Card";
import { SkeletonRows } from "#/ui/states";

/** How much of the end of a log is read. */
const TAIL_BYTES = 65_536;

interface LogsCardProps {
  id: string;
  processes: readonly Process[];
  selected: string | undefined;
  poll: Poll;
  onSelect: (process: string) => void;
}

/** The end of one process's output; follows it while the reader is at the end, and leaves them alone elsewhere. */
export function LogsCard({ id, processes, selected, poll, onSelect }: LogsCardProps) {
  const names = [...new Set(processes.map((process) => process.name))];
  const process = selected !== undefined && names.includes(selected) ? selected : names[0];
  const logs = useLogs(id, process, TAIL_BYTES, poll);
  const [search, setSearch] = useState("");
  const choice = useId();
  // A process that was started again has a log for each run; the runs follow each other.
  const text = (logs.data?.items ?? []).map((item) => item.text).join("");
  const lines = found(text, search);
  return (
    <Card
      title="Logs"
      id="logs"
      aside={logs.data?.items.some((item) => item.truncated) ? "the last 64 kB" : undefined}
      actions={
        <span className="acts">
          <label className="vh" htmlFor={choice}>
            Process
          </label>
          <select
            id={choice}
            className="field"
            value={process ?? ""}
            onChange={(event) => onSelect(event.target.value)}
          >
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <input
            className="field"
            type="search"
            placeholder="Find in this log"
            aria-label="Find in this log"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        </span>
      }
    >
      {process === undefined && <p className="mute">No process, no log yet.</p>}
      {process !== undefined && logs.isPending && <SkeletonRows what="the log" />}
      {logs.isError && !logs.data && <Failure error={logs.error} what="The log" onRetry={() => logs.refetch()} />}
      {logs.data &&
        (text === "" ? (
          <p className="mute">{process} has written nothing.</p>
        ) : (
          <>
            {search && (
              <p className="mute small" role="status" style={{ marginBottom: 4 }}>
                {count(lines.length, "line holds", "lines hold")} “{search}”.
              </p>
            )}
            <Tail key={process} lines={lines} search={search} label={`Log of ${process}`} />
          </>
        ))}
    </Card>
  );
}

/** Distance from the end within which the reader counts as following. */
const NEAR_END_PX = 24;

function Tail({ lines, search, label }: { lines: readonly string[]; search: string; label: string }) {
  const box = useRef<HTMLElement>(null);
  const following = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what moves the end.
  useEffect(() => {
    if (following.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  return (
    <section
      className="log"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label={label}
      onScroll={(event) => {
        const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
        following.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
      }}
    >
      {search
        ? // biome-ignore lint/suspicious/noArrayIndexKey: lines of a log have no identity but their place.
          lines.map((line, index) => <Marked key={index} line={line} search={search} />)
        : lines.join("\n")}
    </section>
  );
}

function Marked({ line, search }: { line: string; search: string }) {
  const at = line.toLowerCase().indexOf(search.toLowerCase());
  return (
    <>
      {line.slice(0, at)}
      <mark>{line.slice(at, at + search.length)}</mark>
      {`${line.slice(at + search.length)}\n`}
    </>
  );
}
