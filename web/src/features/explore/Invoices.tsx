import type { CostBreakdown } from "#/api/schema";
import { decimalsOf } from "#/features/explore/rows";
import { money } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";

const EXACT = 9;

/** In a sentence: what invoiced figures add to metered ones, and for which months there are none. */
export function InvoicedWords({ answer }: { answer: CostBreakdown }) {
  const months = (status: string) =>
    answer.invoices.filter((month) => month.status === status).map(({ month }) => month);
  const difference = answer.total_nanos - answer.metered_total_nanos;
  const invoiced = months("invoiced");
  const missing = [...months("none"), ...months("running")];
  const amount = money(Math.abs(difference), answer.currency, decimalsOf(Math.abs(difference)));
  return (
    <span>
      {" "}
      {invoiced.length === 0
        ? "No invoice was imported for this period: these are metered figures."
        : difference === 0
          ? `Invoices for ${invoiced.join(", ")} change nothing of it.`
          : `Invoices for ${invoiced.join(", ")} made it ${amount} ${difference > 0 ? "more" : "less"} than was metered.`}
      {invoiced.length > 0 && missing.length > 0 && ` Still metered: ${missing.join(", ")}.`}
    </span>
  );
}

/** Month by month: by which invoices figures were trued up, at which factors. */
export function InvoiceList({ answer, clock }: { answer: CostBreakdown; clock: Clock }) {
  if (answer.invoices.length === 0) return "nothing is booked for this window yet";
  return (
    <ul>
      {answer.invoices.map((month) => (
        <li key={month.month}>
          {month.month}:{" "}
          {month.status === "running"
            ? "not over yet, so metered"
            : month.status === "none"
              ? "no invoice was imported, so metered"
              : `trued up by ${money(month.true_up_nanos, answer.currency, EXACT)}`}
          {month.imports.map((invoice) => (
            <span className="mute" key={invoice.id}>
              {" "}
              {invoice.source || invoice.id}, imported {moment(invoice.at, clock, true)}
              {invoice.factors.map(({ target, factor }) => `, ${target} at ${factor.toFixed(6)}`).join("")}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}
