import type { Overview } from "#/api/schema";
import { questionsOf, TOPICS, type Topic } from "#/features/overview/words";
import { count } from "#/lib/format";
import { money } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Button, CopyButton } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";

/** All decimals that nano-units have: exact sums are shown exactly. */
const EXACT = 9;

interface HowDialogProps {
  overview: Overview;
  about: Topic;
  clock: Clock;
  onClose: () => void;
}

/** How a figure came about: the rule in words, the questions of cost behind it, and the prices. */
export function HowDialog({ overview, about, clock, onClose }: HowDialogProps) {
  const topic = TOPICS[about];
  const { rates, forecast } = overview;
  return (
    <Dialog title="How is this computed?" onClose={onClose}>
      <p>
        <span className="strong">{topic.title}.</span> {topic.text}
      </p>
      {about === "forecast" && forecast && (
        <p className="mute small">
          Learnt from {count(forecast.history_days, "whole day")}; the interval is that of{" "}
          {count(forecast.tested, "forecast")} of the past.
        </p>
      )}
      <dl className="kv small">
        {questionsOf(overview, about).flatMap((question) => [
          <dt key={`${question.path} asked`}>Query</dt>,
          <dd key={question.path}>
            <a className="mono breaks" href={question.path} target="_blank" rel="noreferrer">
              {question.about}
            </a>{" "}
            <CopyButton text={new URL(question.path, window.location.origin).href} label="Copy address" />
            <br />
            {moment(question.start, clock)} to {moment(question.end, clock)}, the end not included;{" "}
            {count(question.rows, "row")} of {count(question.clusters, "cluster")}, together{" "}
            {money(question.total_nanos, overview.currency, EXACT)}
            {question.sql && (
              <details>
                <summary>SQL, {count(question.read_rows ?? 0, "row")} read</summary>
                <pre className="code mono wrap">{question.sql}</pre>
              </details>
            )}
          </dd>,
        ])}
        <dt>Zone</dt>
        <dd>Days begin in {overview.zone}</dd>
        <dt>As of</dt>
        <dd>{moment(overview.as_of, clock, true)}</dd>
        <dt>Prices</dt>
        <dd>
          {rates.source}
          {rates.as_of && `, as of ${moment(rates.as_of, clock)}`}; each process keeps those that it was started with
        </dd>
      </dl>
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}
