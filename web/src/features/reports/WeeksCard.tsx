import type { Report } from "#/api/schema";
import { weekWords } from "#/features/reports/weeks";
import { money } from "#/lib/money";
import { Card } from "#/ui/Card";

interface WeeksCardProps {
  report: Report;
  decimals: number;
  onWeek: (week: string) => void;
}

/** The week beside those before, newest first. */
export function WeeksCard({ report, decimals, onWeek }: WeeksCardProps) {
  const { overview, weeks } = report;
  const rows = [{ week: report.week, cost_nanos: overview.total_nanos }, ...weeks.toReversed()];
  const dearest = Math.max(1, ...rows.map((row) => row.cost_nanos));
  return (
    <Card title="Against the weeks before" aside={overview.until < overview.end ? "this week is not over" : undefined}>
      <table className="weeks">
        <caption className="vh">Spend by week, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Week</th>
            <th scope="col">
              <span className="vh">Beside the dearest</span>
            </th>
            <th scope="col" className="n">
              Spent
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={row.week} aria-current={index === 0 ? "true" : undefined}>
              <td className="nw">
                {index === 0 ? (
                  <span className="strong">{weekWords(row.week)}</span>
                ) : (
                  <button type="button" className="plain" onClick={() => onWeek(row.week)}>
                    {weekWords(row.week)}
                  </button>
                )}
              </td>
              <td className="bars" aria-hidden="true">
                {row.cost_nanos > 0 && (
                  <i
                    className={`mini ${index === 0 ? "r1" : "r3"}`}
                    style={{ width: `${(100 * row.cost_nanos) / dearest}%` }}
                  />
                )}
              </td>
              <td className={index === 0 ? "n strong" : "n"}>{money(row.cost_nanos, overview.currency, decimals)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
