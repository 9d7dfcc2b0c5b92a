import { type BillView, type SplitPart, split } from "#/features/bill/view";
import { percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { KIND_WORDS, type Kind, type RestLook } from "#/lib/work";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

const OTHER_WORDS: Record<RestLook, string> = {
  idle: "Idle",
  over: "Overhead, scheduler",
  lost: "Lost with a worker",
  gap: "Reports lost",
  smaller: "Smaller lines",
  unattributed: "Work on no line",
  unknown: "Unknown",
};

const look = (part: SplitPart) => (part.look === "unattributed" ? "lines" : part.look);
const name = (part: SplitPart) =>
  part.look in KIND_WORDS ? KIND_WORDS[part.look as Kind] : OTHER_WORDS[part.look as RestLook];

/** Where the money went, by kind of work and by what is not work. */
export function SplitCard({ view, onHow }: { view: BillView; onHow: () => void }) {
  const parts = split(view);
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  const inWords = parts.map((part) => `${name(part)} ${percent(part.share)}`).join(", ");
  return (
    <Card title="Where it went">
      {view.total > 0 ? (
        <>
          <div className="bar" role="img" aria-label={`Cost split: ${inWords}`}>
            {parts.map((part) => (
              <div
                key={part.look}
                className={look(part)}
                style={{ flexGrow: Math.max(part.share, 0.001), flexBasis: 0 }}
              />
            ))}
          </div>
          <table style={{ marginTop: 6 }}>
            <caption className="vh">Cost by kind of work</caption>
            <tbody>
              {parts.map((part) => (
                <tr key={part.look}>
                  <td>
                    <i className={`sw ${look(part)}`} /> {name(part)}
                  </td>
                  <td className="n">{fitted(part.shown, part.nanos, view.currency, view.decimals)}</td>
                  <td className="n mute">{percent(part.share)}</td>
                </tr>
              ))}
              <tr className="total">
                <td>Total</td>
                <td className="n">
                  <Fig label="Total" onOpen={onHow}>
                    {amount(view.total)}
                  </Fig>
                </td>
                <td className="n">{percent(1)}</td>
              </tr>
            </tbody>
          </table>
        </>
      ) : (
        <p className="mute">Nothing has cost anything yet.</p>
      )}
    </Card>
  );
}
