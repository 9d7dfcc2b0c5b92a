import { Fragment } from "react";
import { urlOf } from "#/api/client";
import type { Bill, Cluster, RateCard, SubmissionList } from "#/api/schema";
import { type BillView, originShares } from "#/features/bill/view";
import { count, duration, percent } from "#/lib/format";
import { money, rate } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Button, CopyButton } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";

/** What may be asked about. */
export type How = "bill" | "line" | "origins" | "rate";

interface HowDialogProps {
  about: How;
  cluster: Cluster;
  bill: Bill | undefined;
  view: BillView | undefined;
  submissions: SubmissionList | undefined;
  clock: Clock;
  onClose: () => void;
}

/** All decimals that nano-units have: exact sums are shown exactly. */
const EXACT = 9;

/** How a figure came about: the query, the window, the prices and what was observed. */
export function HowDialog({ about, cluster, bill, view, submissions, clock, onClose }: HowDialogProps) {
  const path = { cluster_id: cluster.id };
  const url =
    about === "rate"
      ? urlOf("GET /clusters/{cluster_id}", { path })
      : urlOf("GET /clusters/{cluster_id}/bill", { path });
  const absolute = new URL(url, window.location.origin).href;
  return (
    <Dialog title="How is this computed?" onClose={onClose}>
      <p>{about === "origins" && bill?.method === "sampled" ? OUTSIDE : EXPLANATIONS[about]}</p>
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
        {bill && about !== "origins" && <Rates rates={bill.rates} clock={clock} />}
        {bill && about !== "origins" && <GpuRates bill={bill} clock={clock} />}
        {bill && about !== "rate" && (
          <>
            <dt>Coverage</dt>
            <dd>
              {percent(bill.capacity_seconds > 0 ? bill.coverage_seconds / bill.capacity_seconds : undefined)}:{" "}
              {duration(bill.coverage_seconds)} of {duration(bill.capacity_seconds)} of worker thread time were
              observed; the rest is lost or “Unknown”
            </dd>
            <dt>Method</dt>
            <dd>{METHODS[bill.method]}</dd>
            <dt>Rules</dt>
            <dd>
              version {bill.rules_version} named operations and libraries; history can be named again by newer ones
            </dd>
          </>
        )}
      </dl>
      {bill && about === "origins" && bill.method !== "sampled" && <Origins bill={bill} submissions={submissions} />}
      {bill && view && (about === "bill" || about === "line") && <Sum bill={bill} view={view} />}
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}

const EXPLANATIONS: Record<How, string> = {
  bill: "Every worker and the scheduler is paid for from its start to its end at its price per hour. What was for GPUs on which nothing ran is idle; the rest of a worker's cost is spread over its thread time; the parts are exact to the billionth, and the figures on this page are rounded so that they add up.",
  line: "A task's thread time stands twice: on the line that created the task (“by origin”), and on the innermost line of your code that was on its stack when it was sampled (“by line”). Where one of them is not known, the line that submitted the work stands for it. Thread time, native threads included, times the worker's price per thread is the line's cost.",
  origins:
    "When work is submitted, each task of the graph is followed back to the line of your code that created it. Where that fails, the line that submitted it stands for it, and says so. Thread time of both kinds, native threads included, is added up here.",
  rate: "The sum of the prices of all processes that are up now: cores and memory of each, times the rate card, and its part of the GPUs that it sees: a device is divided equally over the processes that see it.",
};

const METHODS: Record<Bill["method"], string> = {
  agent: "measured from within: each worker accounts for every microsecond of its threads, and samples divide it",
  sampled: "sampled from outside, once a second: shares are estimates",
};

/** How tasks were followed to the line that created them, best way first. */
const LEVELS: readonly (readonly [string, string])[] = [
  ["name", "by the name that the task carries"],
  ["token", "by the token in its name"],
  ["dependents", "through the tasks that need it"],
  ["call", "created by the call itself: submit, map"],
  ["none", "not found: the submitting line stands for it"],
];

function Origins({ bill, submissions }: { bill: Bill; submissions: SubmissionList | undefined }) {
  const parts = originShares(bill);
  const levels = new Map<string, number>();
  for (const submission of submissions?.items ?? []) {
    for (const [level, tasks] of Object.entries(submission.levels)) levels.set(level, (levels.get(level) ?? 0) + tasks);
  }
  const total = [...levels.values()].reduce((sum, tasks) => sum + tasks, 0);
  return (
    <>
      {parts && (
        <table>
          <caption className="vh">Work by what its line is</caption>
          <tbody>
            <tr>
              <td>On the line that created it</td>
              <td className="n">{percent(parts.created)}</td>
            </tr>
            <tr>
              <td>On the line that submitted it</td>
              <td className="n">{percent(parts.submitted)}</td>
            </tr>
            <tr>
              <td>On none</td>
              <td className="n">{percent(parts.none)}</td>
            </tr>
            <tr className="total">
              <td>Work, {duration(bill.work_seconds)} of thread time</td>
              <td className="n">{percent(1)}</td>
            </tr>
          </tbody>
        </table>
      )}
      {total > 0 && (
        <table>
          <caption className="vh">Tasks by how their line was found</caption>
          <thead>
            <tr>
              <th scope="col">How the line was found</th>
              <th scope="col" className="n">
                Tasks
              </th>
            </tr>
          </thead>
          <tbody>
            {LEVELS.filter(([level]) => (levels.get(level) ?? 0) > 0).map(([level, words]) => (
              <tr key={level}>
                <td>{words}</td>
                <td className="n">{(levels.get(level) ?? 0).toLocaleString("en-US")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

const OUTSIDE =
  "Nobody inside the cluster says who created or submitted its work. About once a second, its scheduler is asked where its workers' threads stand; the time between two looks goes to the innermost line of user code seen then.";

function Rates({ rates, clock }: { rates: RateCard; clock: Clock }) {
  return (
    <>
      <dt>Rate card</dt>
      <dd>
        {rate(rates.core_hour_nanos, rates.currency)} per core, {rate(rates.gigabyte_hour_nanos, rates.currency)} per GB
        of memory; {rates.source}
        {rates.as_of && `, as of ${moment(rates.as_of, clock)}`}
      </dd>
    </>
  );
}

function GpuRates({ bill, clock }: { bill: Bill; clock: Clock }) {
  return (bill.prices ?? [])
    .filter((use) => use.gpu)
    .map((use) => (
      <Fragment key={`${use.gpu} ${use.gpu_hour_nanos} ${use.source} ${use.as_of}`}>
        <dt>GPU {use.gpu}</dt>
        <dd>
          {rate(use.gpu_hour_nanos ?? 0, bill.currency)}; {use.source}
          {use.as_of && `, as of ${moment(use.as_of, clock)}`}
        </dd>
      </Fragment>
    ));
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
