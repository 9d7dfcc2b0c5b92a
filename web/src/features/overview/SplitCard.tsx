import type { Overview } from "#/api/schema";
import { splitOf } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

interface SplitCardProps {
  overview: Overview;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** Where the money went: work by kind, idle time and overhead by reason, what was lost and what nobody saw. */
export function SplitCard({ overview, decimals, onHow }: SplitCardProps) {
  const rows = splitOf(overview, decimals);
  const { currency } = overview;
  const cell = (shown: number, nanos: number) => fitted(shown, nanos, currency, decimals);
  const css = (look: string) => (look === "unattributed" ? "lines" : look);
  return (
    <Card title="Where the money went" className="w6 stretch">
      <div
        className="bar"
        role="img"
        aria-label={`Spend split: ${rows.map((row) => `${row.name} ${percent(row.share)}`).join(", ")}`}
      >
        {rows.map((row) => (
          <div
            key={row.look}
            className={css(row.look)}
            style={{ flexGrow: Math.max(row.share, 0.001), flexBasis: 0 }}
            title={`${row.name} ${cell(row.shown, row.nanos)}`}
          />
        ))}
      </div>
      <table className="after">
        <caption className="vh">Spend by kind of work and by what is no work</caption>
        <tbody>
          {rows.flatMap((row) => [
            <tr key={row.look}>
              <td>
                <i className={`sw ${css(row.look)}`} /> {row.name}
              </td>
              <td className="n">{cell(row.shown, row.nanos)}</td>
              <td className="n mute">{percent(row.share)}</td>
            </tr>,
            ...row.parts.map((part) => (
              <tr key={`${row.look} ${part.name}`} className="mute">
                <td className="inset">{part.name}</td>
                <td className="n">{cell(part.shown, part.nanos)}</td>
                <td className="n">{percent(part.share)}</td>
              </tr>
            )),
          ])}
          <tr className="total">
            <td>Total</td>
            <td className="n">
              <Fig label="Total" onOpen={() => onHow("spent")}>
                {money(overview.total_nanos, currency, decimals)}
              </Fig>
            </td>
            <td className="n">{percent(1)}</td>
          </tr>
        </tbody>
      </table>
    </Card>
  );
}
