import type { ReactNode } from "react";
import { Button } from "#/ui/controls";

/** A pulsing stand-in for a figure or text that is on its way. */
export function Skeleton({ width, height = 12 }: { width: number | string; height?: number }) {
  return <span className="skel" style={{ width, height }} />;
}

/** Stand-ins for the rows of a table; says once to screen readers that something is loading. */
export function SkeletonRows({ rows = 4, what }: { rows?: number; what: string }) {
  const widths = ["92%", "78%", "84%", "66%", "73%", "58%"];
  return (
    <div className="state" role="status" style={{ gap: 12, justifyItems: "stretch" }}>
      <span className="vh">Loading {what}</span>
      {Array.from({ length: rows }, (_, row) => widths[row % widths.length] ?? "70%").map((width, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: stand-ins have no identity but their place.
        <Skeleton key={row} width={width} />
      ))}
    </div>
  );
}

/** What went wrong, in the server's words, with what to do. The code stands below for those who report it. */
export function ErrorNote(props: { title: string; message: string; code?: string | undefined; onRetry?: () => void }) {
  return (
    <div className="state" role="alert">
      <p className="note bad">
        <span className="strong bad">{props.title}</span>
        <br />
        {props.message}
      </p>
      {props.onRetry && (
        <Button small onClick={props.onRetry}>
          Try again
        </Button>
      )}
      {props.code && <p className="mute small mono">{props.code}</p>}
    </div>
  );
}

/** The server does not answer: what is shown is old, and nothing that runs is harmed. */
export function AwayNote({ since, onRetry }: { since?: string | undefined; onRetry: () => void }) {
  return (
    <div className="state" role="status">
      <p className="note warn">
        The server does not answer. Clusters keep working and keep their records.{" "}
        {since ? `Figures are as of ${since}; ` : ""}trying again by itself.
      </p>
      <Button small onClick={onRetry}>
        Try now
      </Button>
    </div>
  );
}

/** What a reader of figures should know, in the server's words: as that the detail of a day was lost. */
export function Notes({ notes }: { notes: readonly string[] }) {
  return notes.map((note) => (
    <p key={note} className="note warn">
      {note}
    </p>
  ));
}

/** Nothing to show: the fact, then what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <p className="strong">{title}</p>
      {children}
    </div>
  );
}
