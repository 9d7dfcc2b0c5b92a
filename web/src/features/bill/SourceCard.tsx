import { useId } from "react";
import { ApiError } from "#/api/client";
import { type Poll, useSource } from "#/api/queries/clusters";
import { type SourcePage, SourceView } from "#/features/bill/SourceView";
import { type BillView, filesOf, gutter, type Row } from "#/features/bill/view";
import { Failure } from "#/features/shell/Failure";
import { isCell } from "#/lib/files";
import { count } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Empty, SkeletonRows } from "#/ui/states";

interface SourcePanelProps {
  view: BillView;
  names: Map<string, string>;
  selected: { file?: string | undefined; line?: number | undefined };
  /** The file that is shown, and its text. */
  file: string | undefined;
  source: {
    data: { text?: string | undefined } | undefined;
    error: unknown;
    isPending: boolean;
    isError: boolean;
    refetch: () => unknown;
  };
  /** The same bill without what its lines carry, where they carry what did no work. */
  own?: BillView | undefined;
  from: SourcePage;
  /** Stands below, for those who use keys. */
  foot?: string | undefined;
  onSelect: (file: string, line: number | undefined) => void;
}

const WORDS: Record<string, string> = { origin: "created work", line: "ran" };
const NONE: Record<string, string> = { origin: "created work; the switch “By line” shows what ran", line: "ran" };

type SourceCardProps = Omit<SourcePanelProps, "file" | "source"> & { id: string; poll: Poll };

/** The source of one cluster beside its money. */
export function SourceCard({ id, poll, ...rest }: SourceCardProps) {
  const file = fileShown(rest.view, rest.names, rest.selected.file);
  const source = useSource(id, file, poll);
  return <SourcePanel {...rest} file={file} source={source} />;
}

/** The file that is shown: the one that was chosen, or the dearest. */
export function fileShown(view: BillView, names: Map<string, string>, chosen: string | undefined): string | undefined {
  return chosen !== undefined && names.has(chosen) ? chosen : filesOf(view)[0]?.file;
}

/** Source beside its money: one file at a time, the dearest first. */
export function SourcePanel({ view, names, selected, file, source, own, from, foot, onSelect }: SourcePanelProps) {
  const files = filesOf(view);
  const choice = useId();
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  if (file === undefined) return null;
  const entry = files.find((candidate) => candidate.file === file);
  const name = names.get(file) ?? file;
  const missing = source.error instanceof ApiError && source.error.status === 404;
  const costs = gutter(view, file);
  const text = source.data?.text ?? (missing && costs.size > 0 ? knownText(costs) : undefined);
  return (
    <Card
      id="source"
      title={isCell(file) ? `Notebook ${name}` : name}
      aside={entry ? `${count(entry.lines, "line", "lines")} ${WORDS[view.by]}` : `no line here ${NONE[view.by]}`}
      flush
      {...(foot === undefined ? {} : { foot })}
      actions={
        <>
          {(files.length > 1 || !entry) && (
            <>
              <label className="vh" htmlFor={choice}>
                File
              </label>
              <select
                id={choice}
                className="field"
                value={file}
                onChange={(event) => onSelect(event.target.value, undefined)}
              >
                {!entry && <option value={file}>{name}</option>}
                {files.map((candidate) => (
                  <option key={candidate.file} value={candidate.file}>
                    {names.get(candidate.file) ?? candidate.file} {amount(candidate.shown)}
                  </option>
                ))}
              </select>
            </>
          )}
          <span className="strong t">{amount(entry?.shown ?? 0)}</span>
        </>
      }
    >
      {source.data?.text === undefined && (
        <div style={{ padding: "0 16px 8px" }}>
          {source.isPending && <SkeletonRows rows={6} what="the source" />}
          {missing && (
            <Empty title={isCell(file) ? "This cell's text has not arrived." : "This file's text is not here."}>
              <p className="mute">
                {isCell(file)
                  ? "A connected notebook sends it by itself within seconds; one that has closed cannot."
                  : "Sending source may be switched off, or the file too long to keep. Only the lines that cost money are known."}
              </p>
            </Empty>
          )}
          {source.isError && !missing && (
            <Failure error={source.error} what="The source" onRetry={() => source.refetch()} />
          )}
        </div>
      )}
      {text !== undefined && (
        <SourceView
          key={file}
          file={file}
          text={text}
          costs={costs}
          own={own && gutter(own, file)}
          sparse={source.data?.text === undefined}
          selected={selected.file === file || selected.file === undefined ? selected.line : undefined}
          amount={(shown, exact) => fitted(shown, exact, view.currency, view.decimals)}
          from={from}
          onSelect={(line) => onSelect(file, line)}
        />
      )}
    </Card>
  );
}

/** What the bill itself knows of a file: the text of the lines that cost money, each in its place. */
export function knownText(costs: ReadonlyMap<number, Row>): string {
  const lines: string[] = [];
  for (const [number, { about }] of costs) lines[number - 1] = about.type === "line" ? about.text : "";
  return Array.from(lines, (line) => line ?? "").join("\n");
}
