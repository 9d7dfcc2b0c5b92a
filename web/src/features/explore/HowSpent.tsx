import { breakdownUrl } from "#/api/queries/costs";
import type { CostQuery } from "#/api/queries/keys";
import type { CostBreakdown } from "#/api/schema";
import { InvoiceList } from "#/features/explore/Invoices";
import { count, duration, percent } from "#/lib/format";
import { money } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Button, CopyButton } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";

interface HowSpentProps {
  answer: CostBreakdown;
  query: CostQuery;
  clock: Clock;
  onClose: () => void;
}

const EXACT = 9;

/** How an answer came about: the question, the window, the prices, what was observed, and the SQL where there is any. */
export function HowSpent({ answer, query, clock, onClose }: HowSpentProps) {
  const url = breakdownUrl(query);
  const exact = (nanos: number) => money(nanos, answer.currency, EXACT);
  const listed = answer.rows.reduce((sum, row) => sum + row.cost_nanos, 0);
  return (
    <Dialog title="How is this computed?" onClose={onClose}>
      <p>
        Every process is paid for from its start to its end. The cost of each hour is divided over what was seen in that
        hour and is never divided again: rows of any grouping add up to the same total, to the billionth.
      </p>
      <dl className="kv small">
        <dt>Total</dt>
        <dd className="mono">
          {exact(listed)} in {count(answer.rows.length, "row")}
          {answer.rest_rows > 0 && (
            <>
              <br />+ {exact(answer.rest_nanos)} in {count(answer.rest_rows, "more row", "more rows")}
            </>
          )}
          <br />= {exact(answer.total_nanos)}
        </dd>
        {answer.total_nanos !== answer.all_nanos && (
          <>
            <dt>Of all</dt>
            <dd>
              {percent(answer.all_nanos > 0 ? answer.total_nanos / answer.all_nanos : undefined)} of{" "}
              {exact(answer.all_nanos)}, which the whole window cost before filters
            </dd>
          </>
        )}
        <dt>Query</dt>
        <dd>
          <a className="mono" href={url} target="_blank" rel="noreferrer" style={{ overflowWrap: "anywhere" }}>
            GET {url}
          </a>{" "}
          <CopyButton text={new URL(url, window.location.origin).href} label="Copy address" />
        </dd>
        <dt>Command</dt>
        <dd>
          <code style={{ overflowWrap: "anywhere" }}>{commandOf(query)}</code>{" "}
          <CopyButton text={commandOf(query)} label="Copy command" />
        </dd>
        <dt>Window</dt>
        <dd>
          {moment(answer.start, clock, true)} to {moment(answer.end, clock, true)}, the end not included; days begin in{" "}
          {answer.zone}
        </dd>
        <dt>As of</dt>
        <dd>{moment(answer.as_of, clock, true)}; what runs has cost more since</dd>
        <dt>From</dt>
        <dd>
          {count(answer.clusters, "cluster")}
          {answer.sql && `; ${count(answer.rows_read, "row")} read of ${count(answer.segments, "segment")}`}
        </dd>
        <dt>Prices</dt>
        <dd>
          <Prices answer={answer} />
        </dd>
        {answer.figures === "invoiced" && (
          <>
            <dt>Invoices</dt>
            <dd>
              {exact(answer.metered_total_nanos)} was metered. What an invoice adds to a month is divided in proportion
              to what was metered.
              <InvoiceList answer={answer} clock={clock} />
            </dd>
          </>
        )}
        <dt>Coverage</dt>
        <dd>
          {percent(answer.all_nanos > 0 ? answer.coverage : undefined)} of the window's cost was observed;{" "}
          {exact(answer.unseen_nanos)} is unknown or lost, a row of its own, and never spread
        </dd>
        <dt>Rules</dt>
        <dd>
          {answer.rules_version > 0
            ? `version ${answer.rules_version} or newer named operations and libraries`
            : "nothing was named by rules"}
        </dd>
      </dl>
      {answer.sql && (
        <>
          <pre className="code mono wrap">{answer.sql}</pre>
          <p>
            <CopyButton text={answer.sql} label="Copy the SQL" />
          </p>
        </>
      )}
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}

/** Who says what machines cost, dearest hours first where the answer tells. */
function Prices({ answer }: { answer: CostBreakdown }) {
  const used = answer.prices.filter(({ hours }) => hours > 0);
  if (used.length === 0) return answer.rates.source;
  return (
    <ul>
      {used.map((price) => (
        <li key={`${price.provider} ${price.gpu} ${price.source} ${price.reason}`}>
          {price.priced ? price.source : `No price: ${price.reason}`}
          <span className="mute">
            {" "}
            {[price.provider, price.gpu].filter(Boolean).join(" ")}, {duration(price.hours * 3600)}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The same question for a terminal. */
export function commandOf({ by, where, since, until, limit, figures }: CostQuery): string {
  const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  return [
    "lineitem cost --by",
    by.join(","),
    ...where.map((filter) => `--where ${quoted(filter)}`),
    `--since ${since}`,
    ...(until ? [`--until ${until}`] : []),
    ...(limit ? [`--limit ${limit}`] : []),
    ...(figures ? [`--figures ${figures}`] : []),
  ].join(" ");
}
