import type { Process } from "#/api/schema";
import { StatusPill } from "#/features/clusters/StatusPill";
import { bytes, duration } from "#/lib/format";
import { money, rate } from "#/lib/money";
import { type Clock, moment, secondsBetween } from "#/lib/time";
import { Card } from "#/ui/Card";

interface ProcessTableProps {
  processes: readonly Process[];
  currency: string;
  clock: Clock;
  /** Absent where the logs are not here. */
  onLogs?: (process: string) => void;
}

/** The scheduler and every worker that ever was, with what each cost. */
export function ProcessTable({ processes, currency, clock, onLogs }: ProcessTableProps) {
  return (
    <Card title="Processes" aside={`${processes.filter((process) => process.status === "running").length} up`}>
      {processes.length === 0 ? (
        <p className="mute">None has been asked for yet.</p>
      ) : (
        <div className="scroll">
          <table>
            <caption className="vh">Processes</caption>
            <thead>
              <tr>
                <th scope="col">Process</th>
                <th scope="col">Status</th>
                <th scope="col" className="n wide">
                  Threads
                </th>
                <th scope="col" className="n wide">
                  Memory
                </th>
                <th scope="col" className="n wide">
                  Started
                </th>
                <th scope="col" className="n wide">
                  Ran for
                </th>
                <th scope="col" className="n wide">
                  Rate
                </th>
                <th scope="col" className="n">
                  Cost
                </th>
                {onLogs && (
                  <th scope="col" className="n">
                    <span className="vh">Logs</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {processes.map((process) => (
                <tr key={process.id}>
                  <td>
                    <span className="mono">{process.name}</span>
                    {process.generation > 1 && <span className="mute small"> run {process.generation}</span>}
                    {ending(process) && (
                      <span className="mute small" style={{ display: "block" }}>
                        {ending(process)}
                      </span>
                    )}
                  </td>
                  <td>
                    <StatusPill status={process.status} />
                  </td>
                  <td className="n wide">{process.nthreads}</td>
                  <td className="n wide">{process.memory_bytes > 0 ? bytes(process.memory_bytes) : "–"}</td>
                  <td className="n wide">{moment(process.started_at, clock)}</td>
                  <td className="n wide">
                    {duration(secondsBetween(process.started_at, process.ended_at ?? clock.now))}
                  </td>
                  <td className="n wide">{rate(process.rate_nanos_per_hour, currency)}</td>
                  <td className="n">{money(process.cost_nanos, currency)}</td>
                  {onLogs && (
                    <td className="n">
                      <button
                        type="button"
                        className="btn small"
                        onClick={() => onLogs(process.name)}
                        aria-label={`Logs of ${process.name}`}
                      >
                        Logs
                      </button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

/** Why a process is not as it was: its reason, and the exit code where it did not end well. */
function ending(process: Process): string {
  if (process.exit_code === undefined || process.exit_code === 0) return process.reason;
  return process.reason ? `${process.reason} (exit code ${process.exit_code})` : `Exit code ${process.exit_code}`;
}
