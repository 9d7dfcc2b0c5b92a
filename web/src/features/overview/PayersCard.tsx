import { Link } from "@tanstack/react-router";
import type { Overview } from "#/api/schema";
import { drill } from "#/features/explore/drill";
import { CROWDED, dayLabels, daysOf, dayWords } from "#/features/overview/period";
import { axisMoney, changeWords, OTHERS, type PayerRow, payersOf, steps } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

const HEIGHT = 150;
const TOP = 8;
const BOTTOM = 128;
/** Where the bars begin, in per cent: what stands before it is the axis. */
const LEFT = 11;

interface PayersCardProps {
  overview: Overview;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** Who spent how much, by day and in all. */
export function PayersCard({ overview, decimals, onHow }: PayersCardProps) {
  const rows = payersOf(overview, decimals);
  const { currency, by } = overview;
  const days = daysOf(overview);
  return (
    <Card title={`By ${by} and day`} className="w6 stretch">
      <Chart overview={overview} rows={rows} decimals={decimals} />
      <table>
        <caption className="vh">Spend by {by}, dearest first</caption>
        <thead>
          <tr>
            <th scope="col">{by === "user" ? "User" : "Group"}</th>
            <th scope="col" className="n">
              Spent
            </th>
            <th scope="col" className="n">
              Share
            </th>
            <th scope="col" className="n">
              Change
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={row.key}>
              <td className="clip" title={row.name}>
                <i className={`sw r${rampOf(index)}`} />{" "}
                {row.key === OTHERS ? (
                  row.name
                ) : (
                  <Link className="quiet" to="/explore" search={drill(days, [by], [row.key], by) ?? days}>
                    {row.name}
                  </Link>
                )}
              </td>
              <td className="n">{fitted(row.shown, row.nanos, currency, decimals)}</td>
              <td className="n mute">{percent(row.share, 0)}</td>
              <td className="n mute">{changeWords(row.nanos, row.before)}</td>
            </tr>
          ))}
          <tr className="total">
            <td>Total</td>
            <td className="n">
              <Fig label={`Total by ${by}`} onOpen={() => onHow("payers")}>
                {money(overview.total_nanos, currency, decimals)}
              </Fig>
            </td>
            <td className="n">{percent(1, 0)}</td>
            <td className="n">{changeWords(overview.total_nanos, overview.before_nanos)}</td>
          </tr>
        </tbody>
      </table>
    </Card>
  );
}

/** Shades by rank; the last, for all others, is the lightest. */
const rampOf = (index: number) => (index + 1) % 6;

function Chart({ overview, rows, decimals }: { overview: Overview; rows: readonly PayerRow[]; decimals: number }) {
  const { days_nanos: days, first_day: first, currency } = overview;
  const top = Math.max(...days, 1);
  const pitch = (100 - LEFT) / days.length;
  const y = (nanos: number) => ((BOTTOM - TOP) * nanos) / top;
  const dearest = days.indexOf(Math.max(...days));
  const label = `Spend by ${overview.by} and day. Dearest day: ${dayWords(first, Math.max(0, dearest))}, ${money(days[dearest], currency, decimals)}. The table that follows has the sums.`;
  return (
    <svg className="c" height={HEIGHT} role="img" aria-label={label}>
      {steps(top, 3).map((step) => (
        <g key={step}>
          <line className="grid" x1={`${LEFT}%`} x2="100%" y1={BOTTOM - y(step)} y2={BOTTOM - y(step)} />
          <text className="e" x={`${LEFT - 1.5}%`} y={BOTTOM - y(step) + 4}>
            {axisMoney(step, currency)}
          </text>
        </g>
      ))}
      {days.map((total, day) => {
        let base = BOTTOM - 1;
        const at = `${(LEFT + day * pitch + pitch * 0.06).toFixed(2)}%`;
        const name = dayWords(first, day);
        return (
          <g key={name}>
            <title>{`${name}: ${money(total, currency, decimals)}`}</title>
            {rows.map((row, index) => {
              const tall = y(row.days[day] ?? 0);
              base -= tall;
              return tall < 0.4 ? null : (
                <rect
                  key={row.key}
                  className={`fr${rampOf(index)}`}
                  x={at}
                  width={`${(pitch * 0.88).toFixed(2)}%`}
                  y={base}
                  height={Math.max(0.4, tall - 0.8)}
                />
              );
            })}
          </g>
        );
      })}
      <line className="axis" x1={`${LEFT}%`} x2="100%" y1={BOTTOM} y2={BOTTOM} />
      {dayLabels(first, days.length).map(({ index, words }) => (
        <text
          key={index}
          className={index === 0 ? "" : index / days.length < CROWDED ? "m wide" : "m"}
          x={`${(LEFT + (index === 0 ? 0 : (index + 0.5) * pitch)).toFixed(2)}%`}
          y={HEIGHT - 6}
        >
          {words}
        </text>
      ))}
    </svg>
  );
}
