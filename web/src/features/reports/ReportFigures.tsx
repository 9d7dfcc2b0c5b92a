import type { ReactNode } from "react";
import type { Report } from "#/api/schema";
import { changeWords } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { usualOf } from "#/features/reports/usual";
import { count, percent } from "#/lib/format";
import { money } from "#/lib/money";
import { Fig } from "#/ui/controls";

interface ReportFiguresProps {
  report: Report;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** The week in four figures. */
export function ReportFigures({ report, decimals, onHow }: ReportFiguresProps) {
  const { overview } = report;
  const { total_nanos: total, before_nanos: before } = overview;
  const amount = (nanos: number) => money(nanos, overview.currency, decimals);
  const share = (nanos: number) => (total > 0 ? percent(nanos / total) : "–");
  const usual = usualOf(report);
  return (
    <section className="card kpis four" aria-label="The week in figures">
      <Figure
        label="Spent"
        note={
          before > 0
            ? `${changeWords(total, before)} against ${amount(before)} the week before`
            : "nothing the week before"
        }
        onHow={() => onHow("spent")}
      >
        {amount(total)}
      </Figure>
      <Figure
        label="Usual week"
        note={
          usual === undefined
            ? "needs two weeks before this one"
            : `mean of ${count(report.weeks.length, "week")} before; this one ${changeWords(total, usual)}`
        }
      >
        {usual === undefined ? "–" : amount(usual)}
      </Figure>
      <Figure
        label="Waste"
        note={`${share(overview.waste_nanos)} of spend${before > 0 ? `, ${percent(overview.waste_before_nanos / before)} before` : ""}`}
        onHow={() => onHow("waste")}
      >
        {amount(overview.waste_nanos)}
      </Figure>
      <Figure
        label="Not observed"
        note={`${share(total - overview.unseen_nanos)} observed`}
        onHow={() => onHow("unseen")}
      >
        {amount(overview.unseen_nanos)}
      </Figure>
    </section>
  );
}

function Figure(props: { label: string; note: string; onHow?: () => void; children: ReactNode }) {
  const { label, note, onHow, children } = props;
  return (
    <div>
      <div className="l">{label}</div>
      <div className="big">
        {onHow ? (
          <Fig label={label} onOpen={onHow}>
            {children}
          </Fig>
        ) : (
          children
        )}
      </div>
      <div className="s">{note}</div>
    </div>
  );
}
