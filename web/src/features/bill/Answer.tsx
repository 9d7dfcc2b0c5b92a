import type { Bill } from "#/api/schema";
import { type BillView, dearestOf, originShares, sumOf } from "#/features/bill/view";
import { nameOf } from "#/features/bill/words";
import { percent } from "#/lib/format";
import { fitted } from "#/lib/money";
import { operationWords } from "#/lib/work";
import { Fig } from "#/ui/controls";

interface AnswerProps {
  bill: Bill;
  view: BillView;
  names: Map<string, string>;
  onOrigins: () => void;
}

/** The bill in a sentence: what was dearest, what was idle, and how well it is known which line that is for. */
export function Answer({ bill, view, names, onOrigins }: AnswerProps) {
  const first = view.rows[0];
  const idle = sumOf(view.rest.filter((row) => row.words.look === "idle"));
  if (view.total === 0) return <p className="mute answer">Nothing has cost anything yet.</p>;
  const most = first && dearestOf(first, (entry) => entry.operation);
  const isLine = first?.about.type === "line";
  return (
    <div className="answer">
      <p>
        {first ? (
          <>
            <span className={isLine ? "loc strong" : "strong"}>{nameOf(first.about, names)}</span>{" "}
            {isLine ? "is the dearest line" : `is the dearest ${view.by}`}:{" "}
            {fitted(first.shown, first.nanos, view.currency, view.decimals)}, {percent(first.share)} of the total
            {isLine && most && most !== "unknown" ? `, mostly “${operationWords(most)}”.` : "."}
          </>
        ) : (
          "No line of your code has run yet."
        )}{" "}
        {idle.share > 0 ? `${percent(idle.share)} was idle.` : "Nothing was idle."}
      </p>
      <Origins bill={bill} onOrigins={onOrigins} />
    </div>
  );
}

/** How much of the work stands where it was created: reported, never assumed. */
function Origins({ bill, onOrigins }: { bill: Bill; onOrigins: () => void }) {
  const parts = originShares(bill);
  if (!parts) return null;
  if (bill.method === "sampled") {
    return (
      <p className="mute small">
        <Fig label="How lines were found" onOpen={onOrigins}>
          Sampled from outside
        </Fig>
        , once a second: figures are estimates. Work stands where threads stood; who created it cannot be seen.
      </p>
    );
  }
  return (
    <p className="mute small">
      <Fig label="Share of the work that stands on the line that created it" onOpen={onOrigins}>
        {percent(parts.created)}
      </Fig>{" "}
      of the work stands on the line that created it
      {parts.submitted > 0 && `; ${percent(parts.submitted)} on the line that submitted it`}
      {parts.none > 0 && `; ${percent(parts.none)} on none`}.
    </p>
  );
}
