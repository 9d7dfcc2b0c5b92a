import type { Bill, GPUCost } from "#/api/schema";
import { count, duration } from "#/lib/format";
import { money } from "#/lib/money";
import { Card } from "#/ui/Card";

/** How much of a bill was for GPUs, by model, and how much of that for time in which nothing ran on them. Nothing where there were none. */
export function GpuCard({ bill }: { bill: Bill }) {
  const gpus = bill.gpus ?? [];
  if (gpus.length === 0) return null;
  return (
    <Card title="GPUs in this bill">
      <table>
        <caption className="vh">Cost of GPUs by model, as parts of the bill</caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className="n">
              Idle
            </th>
            <th scope="col" className="n">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {gpus.map((gpu) => (
            <tr key={gpu.model}>
              <td>
                {gpu.model || "Model not known"}
                <br />
                <span className="mute small">{heldFor(gpu)}</span>
              </td>
              <td className="n">{unpriced(gpu) ? "" : money(gpu.idle_cost_nanos, bill.currency)}</td>
              <td className="n">{unpriced(gpu) ? "Unknown" : money(gpu.cost_nanos, bill.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

/** Whether nobody knows what any of it costs. */
const unpriced = (gpu: GPUCost) => gpu.unpriced_seconds > 0 && gpu.unpriced_seconds >= gpu.seconds;

function heldFor(gpu: GPUCost): string {
  const held = `${count(gpu.devices, "device")}, held for ${duration(gpu.seconds)}`;
  return gpu.unpriced_seconds > 0 ? `${held}; no price for ${duration(gpu.unpriced_seconds)}` : held;
}
