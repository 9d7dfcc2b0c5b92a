import { type BillView, sumOf } from "#/features/bill/view";
import { percent } from "#/lib/format";
import { fitted } from "#/lib/money";

/** The bill in a sentence: its dearest line, and what was idle. */
export function Answer({ view, names }: { view: BillView; names: Map<string, string> }) {
  const first = view.lines[0];
  const idle = sumOf(view.rest.filter((row) => row.words.look === "idle"));
  if (view.total === 0) return <p className="mute">Nothing has cost anything yet.</p>;
  return (
    <p className="answer">
      {first ? (
        <>
          <span className="loc strong">
            {names.get(first.line.file) ?? first.line.file}:{first.line.line}
          </span>{" "}
          is the dearest line: {fitted(first.shown, first.line.cost_nanos, view.currency, view.decimals)},{" "}
          {percent(first.share)} of the total.
        </>
      ) : (
        "No line of your code has run yet."
      )}{" "}
      {idle.share > 0 ? `${percent(idle.share)} was idle.` : "Nothing was idle."}
    </p>
  );
}
