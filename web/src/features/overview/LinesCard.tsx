import { Link } from "@tanstack/react-router";
import type { Overview } from "#/api/schema";
import { daysOf, daysWords } from "#/features/overview/period";
import { changeOf, changeWords } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { shortNames } from "#/lib/files";
import { apportion, fitted, money, unitOf } from "#/lib/money";
import { kindOf, operationWords } from "#/lib/work";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

/** A change of so much of what it was stands out. */
const NOTABLE = 0.1;

interface LinesCardProps {
  overview: Overview;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** The lines that created the dearest work. */
export function LinesCard({ overview, decimals, onHow }: LinesCardProps) {
  const { lines, currency } = overview;
  const names = shortNames(lines.map((line) => line.file));
  const shown = apportion([...lines.map((line) => line.cost_nanos), overview.rest_nanos], unitOf(decimals));
  const before = daysWords(overview.before_start, overview.before_end, overview.zone);
  return (
    <Card
      title="Most expensive lines"
      aside={`the line that created the work; change against ${before}`}
      className="w8"
    >
      {lines.length === 0 ? (
        <p className="mute">No work of this period is on a line of code.</p>
      ) : (
        <div className="scroll">
          <table className="dear">
            <caption className="vh">Lines of code by cost, dearest first</caption>
            <thead>
              <tr>
                <th scope="col">Line</th>
                <th scope="col">Source</th>
                <th scope="col" className="wide">
                  Kind of work
                </th>
                <th scope="col" className="wide">
                  {overview.by === "user" ? "User" : "Group"}
                </th>
                <th scope="col" className="n wide">
                  Change
                </th>
                <th scope="col" className="n">
                  Cost
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line, index) => (
                <tr key={`${line.file}:${line.line}`}>
                  <td>
                    <Link
                      className="loc"
                      to="/clusters/$clusterId/code"
                      params={{ clusterId: line.cluster_id }}
                      search={{ file: line.file, line: line.line }}
                      title={`${line.file}:${line.line}`}
                    >
                      {names.get(line.file) ?? line.file}:{line.line}
                    </Link>
                  </td>
                  <td className="text">
                    <span className="snip" title={line.text || undefined}>
                      {line.text || "–"}
                    </span>
                  </td>
                  <td className="wide nw">
                    <i className={`sw ${kindOf(line.operation)}`} /> {operationWords(line.operation)}
                  </td>
                  <td className="wide mute nw">{line.payer || `No ${overview.by}`}</td>
                  <td className={`n wide ${tone(line.cost_nanos, line.before_nanos)}`}>
                    {changeWords(line.cost_nanos, line.before_nanos)}
                  </td>
                  <td className="n strong">{fitted(shown[index] ?? 0, line.cost_nanos, currency, decimals)}</td>
                </tr>
              ))}
              {overview.rest_nanos > 0 && (
                <tr className="mute">
                  <td colSpan={2}>
                    {overview.rest_lines > 0 ? (
                      <Link to="/explore" search={{ ...daysOf(overview), by: "line", where: "kind=work" }}>
                        {overview.rest_lines.toLocaleString("en-US")} other lines
                      </Link>
                    ) : (
                      "Work whose line is not known"
                    )}
                  </td>
                  <td className="wide" colSpan={3} />
                  <td className="n">{fitted(shown.at(-1) ?? 0, overview.rest_nanos, currency, decimals)}</td>
                </tr>
              )}
              <tr className="total">
                <td colSpan={2}>Work</td>
                <td className="wide" colSpan={3} />
                <td className="n">
                  <Fig label="Work on lines" onOpen={() => onHow("lines")}>
                    {money(overview.lines_nanos, currency, decimals)}
                  </Fig>
                </td>
              </tr>
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function tone(now: number, before: number): string {
  const change = changeOf(now, before);
  return change !== undefined && change > NOTABLE ? "bad" : "mute";
}
