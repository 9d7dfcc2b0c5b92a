import type { BillView, Row } from "#/features/bill/view";
import { inside, levelOf, mainKind, sharedWith } from "#/features/bill/view";
import { nameOf, placeOf, shortPlace } from "#/features/bill/words";
import { duration, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { operationWords } from "#/lib/work";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

interface LineCardProps {
  view: BillView;
  row: Row;
  names: Map<string, string>;
  /** What the line costs once it carries what did no work, as displayed. */
  loaded?: number | undefined;
  onHow: () => void;
}

/** Parts named here; the rest is in the bill. */
const FIRST_PARTS = 6;

/** One line of code: what it cost, how long it ran, how much of that it waited, what was done there. */
export function LineCard({ view, row, names, loaded, onHow }: LineCardProps) {
  const { about } = row;
  if (about.type !== "line") return null;
  const name = placeOf(about, names);
  const threads = row.seconds - row.native;
  const onCore = threads > 0 ? Math.min(1, row.cpu / threads) : undefined;
  const functions = [
    ...new Set(row.entries.map((entry) => (about.side === "origin" ? entry.origin_function : entry.function))),
  ];
  const shared = about.side === "origin" ? sharedWith(row) : [];
  const parts = inside(view, row, 0);
  const first = parts.slice(0, FIRST_PARTS);
  const rest = parts.slice(first.length);
  return (
    <Card title={name} aside={functions.filter(Boolean).join(", ")}>
      <div className="state" style={{ justifyItems: "stretch" }}>
        {about.text && <pre className="code mono wrap">{about.text}</pre>}
        <p className="mute small">{HOW_KNOWN[about.side === "line" || view.sampled ? "line" : levelOf(row)]}</p>
        <dl className="kv r">
          <dt>Cost of this line</dt>
          <dd className="strong">
            <Fig label={`Cost of ${name}`} onOpen={onHow}>
              {money(row.shown, view.currency, view.decimals)}
            </Fig>
          </dd>
          {loaded !== undefined && (
            <>
              <dt>With idle loaded</dt>
              <dd>{money(loaded, view.currency, view.decimals)}</dd>
            </>
          )}
          <dt>Thread time</dt>
          <dd>{duration(row.seconds)}</dd>
          {row.native >= 0.05 && (
            <>
              <dt>of it in native threads</dt>
              <dd>{duration(row.native)}</dd>
            </>
          )}
          <dt>On a core</dt>
          <dd>{percent(onCore)}</dd>
          <dt>Waited: disk, network, the GIL, a busy core</dt>
          <dd>{percent(onCore === undefined ? undefined : 1 - onCore)}</dd>
        </dl>
        <table>
          <caption className="vh">Cost of this line by what was done</caption>
          <thead>
            <tr>
              <th scope="col">{about.side === "origin" ? "What ran for it" : "What ran here"}</th>
              <th scope="col" className="n">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {first.map((part) => (
              <tr key={part.key}>
                <td>
                  <i className={`sw ${mainKind(part)}`} /> {operationWords(part.work?.operation ?? "")}
                  <br />
                  <span className="mute small">
                    {part.work?.library && `${part.work.library}, `}
                    {about.side === "origin" ? "at " : "created by "}
                    <span className="loc">{nameOf(part.about, names)}</span>
                  </span>
                </td>
                <td className="n">{fitted(part.shown, part.nanos, view.currency, view.decimals)}</td>
              </tr>
            ))}
            {rest.length > 0 && (
              <tr className="mute">
                <td>{rest.length} more, in the bill</td>
                <td className="n">
                  {money(
                    rest.reduce((sum, part) => sum + part.shown, 0),
                    view.currency,
                    view.decimals,
                  )}
                </td>
              </tr>
            )}
          </tbody>
        </table>
        {shared.length > 0 && (
          <p className="mute small">
            Also asked for by {shared.map((place) => shortPlace(place, names)).join(", ")}; who asks first pays.
          </p>
        )}
      </div>
    </Card>
  );
}

const HOW_KNOWN = {
  created: "This line created the work.",
  submitted: "This line submitted the work; which line created it is not known.",
  both: "This line created part of the work, and submitted the rest, of which the creating line is not known.",
  line: "Threads stood on this line.",
};
