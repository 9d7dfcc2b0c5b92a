import { urlOf } from "#/api/client";
import type { Bill, Cluster, RateCard } from "#/api/schema";
import type { BillView } from "#/features/bill/view";
import { count, duration, percent } from "#/lib/format";
import { money, rate } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Button, CopyButton } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";

/** What may be asked about. */
export type How = "bill" | "line" | "rate";

interface HowDialogProps {
  about: How;
  cluster: Cluster;
  bill: Bill | undefined;
  view: BillView | undefined;
  clock: Clock;
  onClose: () => void;
}

/** All decimals that nano-units have: exact sums are shown exactly. */
const EXACT = 9;

/** How a figure came about: the query, the window, the prices and what was observed. */
export function HowDialog({ about, cluster, bill, view, clock, onClose }: HowDialogProps) {
  const path = { cluster_id: cluster.id };
  const url =
    about === "rate"
      ? urlOf("GET /clusters/{cluster_id}", { path })
      : urlOf("GET /clusters/{cluster_id}/bill", { path });
  const absolute = new URL(url, window.location.origin).href;
  return (
    <Dialog title="How is this computed?" onClose={onClose}>
      <p>{EXPLANATIONS[about]}</p>
      <dl className="kv small">
        <dt>Query</dt>
        <dd>
          <a className="mono" href={url} target="_blank" rel="noreferrer" style={{ overflowWrap: "anywhere" }}>
            GET {url}
          </a>{" "}
          <CopyButton text={absolute} label="Copy address" />
        </dd>
        {bill && about !== "rate" && (
          <>
            <dt>Window</dt>
            <dd>
              {moment(bill.start, clock, true)} to {moment(bill.as_of, clock, true)}, the end not included
            </dd>
          </>
        )}
        {bill && <Rates rates={bill.rates} />}
        {bill && about !== "rate" && (
          <>
            <dt>Coverage</dt>
            <dd>
              {percent(bill.capacity_seconds > 0 ? bill.coverage_seconds / bill.capacity_seconds : undefined)}:{" "}
              {duration(bill.coverage_seconds)} of {duration(bill.capacity_seconds)} of worker thread time were
              observed; the rest is “Unknown”
            </dd>
          </>
        )}
      </dl>
      {bill && view && about !== "rate" && <Sum bill={bill} view={view} />}
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}

const EXPLANATIONS: Record<How, string> = {
  bill: "Every worker and the scheduler is paid for from its start to its end at its price per hour. A worker's cost is spread over its thread time; the parts are exact to the billionth, and the figures on this page are rounded so that they add up.",
  line: "A task's thread time goes to the innermost line of your code that was on its stack when it was sampled, or to the line that submitted it where the stack holds none. Thread time times the worker's price per thread is the line's cost.",
  rate: "The sum of the prices of all processes that are up now: cores and memory of each, times the rate card.",
};

function Rates({ rates }: { rates: RateCard }) {
  return (
    <>
      <dt>Rate card</dt>
      <dd>
        {rate(rates.core_hour_nanos, rates.currency)} per core, {rate(rates.gigabyte_hour_nanos, rates.currency)} per GB
        of memory; {rates.source}
      </dd>
    </>
  );
}

function Sum({ bill, view }: { bill: Bill; view: BillView }) {
  const exact = (nanos: number) => money(nanos, bill.currency, EXACT);
  const lines = bill.lines.reduce((sum, line) => sum + line.cost_nanos, 0);
  return (
    <table>
      <caption className="vh">The sum, exactly</caption>
      <tbody>
        <tr>
          <td>Lines of code, {count(bill.lines.length, "line")}</td>
          <td className="n">{exact(lines)}</td>
        </tr>
        {view.rest.map((row) => (
          <tr key={row.name}>
            <td>{row.words.name}</td>
            <td className="n">{exact(row.nanos)}</td>
          </tr>
        ))}
        <tr className="total">
          <td>Total</td>
          <td className="n">{exact(bill.total_nanos)}</td>
        </tr>
      </tbody>
    </table>
  );
}
