import { prefixesOf } from "#/features/bill/prefixes";
import type { BillView, LineRow } from "#/features/bill/view";
import { duration, percent } from "#/lib/format";
import { money, unitOf } from "#/lib/money";
import { KIND_WORDS, kindOf } from "#/lib/work";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

interface LineCardProps {
  view: BillView;
  rows: readonly LineRow[];
  name: string;
  onHow: () => void;
}

/** One line of code: what it cost, how long it ran, how much of that it waited, in which tasks. */
export function LineCard({ view, rows, name, onHow }: LineCardProps) {
  const first = rows[0];
  if (!first) return null;
  const amount = (nanos: number) => money(nanos, view.currency, view.decimals);
  const shown = rows.reduce((sum, row) => sum + row.shown, 0);
  const seconds = rows.reduce((sum, row) => sum + row.line.thread_seconds, 0);
  const cpu = rows.reduce((sum, row) => sum + row.line.cpu_seconds, 0);
  const onCore = seconds > 0 ? Math.min(1, cpu / seconds) : undefined;
  const prefixes = prefixesOf(rows, shown, unitOf(view.decimals));
  const functions = [...new Set(rows.map((row) => row.line.function).filter(Boolean))];
  return (
    <Card title={`${name}:${first.line.line}`} aside={functions.join(", ")}>
      <div className="state" style={{ justifyItems: "stretch" }}>
        {first.line.text && <pre className="code mono wrap">{first.line.text}</pre>}
        <dl className="kv r">
          <dt>Cost of this line</dt>
          <dd className="strong">
            <Fig label={`Cost of ${name}:${first.line.line}`} onOpen={onHow}>
              {amount(shown)}
            </Fig>
          </dd>
          <dt>Thread time</dt>
          <dd>{duration(seconds)}</dd>
          <dt>On a core</dt>
          <dd>{percent(onCore)}</dd>
          <dt>Waited: disk, network, the GIL, a busy core</dt>
          <dd>{percent(onCore === undefined ? undefined : 1 - onCore)}</dd>
        </dl>
        {prefixes.length > 0 && (
          <table>
            <caption className="vh">Cost of this line by kind of task</caption>
            <thead>
              <tr>
                <th scope="col">In tasks</th>
                <th scope="col" className="n">
                  Cost
                </th>
              </tr>
            </thead>
            <tbody>
              {prefixes.map((part) => (
                <tr key={part.prefix}>
                  <td>
                    <i className={`sw ${kindOf(part.prefix)}`} title={KIND_WORDS[kindOf(part.prefix)]} />{" "}
                    <code>{part.prefix || "no task"}</code>
                  </td>
                  <td className="n">{amount(part.shown)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </Card>
  );
}
