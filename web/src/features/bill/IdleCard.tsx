import { type BillView, sumOf } from "#/features/bill/view";
import { duration, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Card } from "#/ui/Card";

/** Why threads stood still, and what each reason cost. */
export function IdleCard({ view }: { view: BillView }) {
  const idle = view.rest.filter((row) => row.words.look === "idle");
  const { shown, share } = sumOf(idle);
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  return (
    <Card title="Idle, by reason" aside={view.total > 0 ? `${percent(share)} of the cost` : undefined}>
      {idle.length === 0 ? (
        <p className="mute">No idle time was reported.</p>
      ) : (
        <table>
          <caption className="vh">Cost of idle time by reason</caption>
          <tbody>
            {idle.map((row) => (
              <tr key={row.name}>
                <td>
                  {row.words.name.replace(/^Idle, (.)/, (_, letter: string) => letter.toUpperCase())}
                  <br />
                  <span className="mute small">{row.words.why}</span>
                </td>
                <td className="n mute">{row.seconds === undefined ? "" : duration(row.seconds)}</td>
                <td className="n">{fitted(row.shown, row.nanos, view.currency, view.decimals)}</td>
              </tr>
            ))}
            <tr className="total">
              <td>Idle</td>
              <td />
              <td className="n">{amount(shown)}</td>
            </tr>
          </tbody>
        </table>
      )}
    </Card>
  );
}
