import type { ReactNode } from "react";
import { useLiveClusters } from "#/api/queries/clusters";
import type { Overview } from "#/api/schema";
import { runningRates } from "#/features/clusters/list";
import { daysWords } from "#/features/overview/period";
import { about, changeWords } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { count, percent } from "#/lib/format";
import { money, rate } from "#/lib/money";
import { Fig } from "#/ui/controls";

interface FiguresCardProps {
  overview: Overview;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** The period in five figures. */
export function FiguresCard({ overview, decimals, onHow }: FiguresCardProps) {
  const { currency, forecast, total_nanos: total } = overview;
  const amount = (nanos: number) => money(nanos, currency, decimals);
  const share = (nanos: number) => (total > 0 ? percent(nanos / total) : "–");
  const now = daysWords(overview.start, overview.until, overview.zone);
  const before = daysWords(overview.before_start, overview.before_end, overview.zone);
  return (
    <section className="card kpis" aria-label="The period in figures">
      <Figure
        label={`Spent, ${now}`}
        note={
          overview.before_nanos > 0
            ? `${changeWords(total, overview.before_nanos)} against ${before}`
            : `nothing in ${before}`
        }
      >
        <Fig label="Spent" onOpen={() => onHow("spent")}>
          {amount(total)}
        </Fig>
      </Figure>
      <Figure
        label={`Forecast, ${daysWords(lastMoment(overview.end), overview.end, overview.zone)}`}
        note={
          forecast
            ? `4 in 5: ${about(forecast.low_nanos, currency)}–${about(forecast.high_nanos, currency)}`
            : overview.no_forecast
        }
      >
        {forecast ? (
          <Fig label="Forecast" onOpen={() => onHow("forecast")}>
            {about(forecast.mid_nanos, currency)}
          </Fig>
        ) : (
          "–"
        )}
      </Figure>
      <Figure
        label="Waste"
        note={`${share(overview.waste_nanos)} of spend${
          overview.before_nanos > 0 ? `, ${percent(overview.waste_before_nanos / overview.before_nanos)} before` : ""
        }`}
      >
        <Fig label="Waste" onOpen={() => onHow("waste")}>
          {amount(overview.waste_nanos)}
        </Fig>
      </Figure>
      <Figure label="Not observed" note={`${share(overview.unseen_nanos)} of spend; never called idle`}>
        <Fig label="Not observed" onOpen={() => onHow("unseen")}>
          {amount(overview.unseen_nanos)}
        </Fig>
      </Figure>
      <Running />
    </section>
  );
}

/** What is up now, whatever the period. */
function Running() {
  const live = useLiveClusters().data?.items;
  const rates = live && runningRates(live).map((sum) => rate(sum.rate, sum.currency));
  return (
    <Figure label="Running now" note={live ? count(live.length, "cluster") : "\u00a0"}>
      {rates === undefined ? "…" : rates.length > 0 ? rates.join(" and ") : "–"}
    </Figure>
  );
}

function Figure({ label, note, children }: { label: string; note: string; children: ReactNode }) {
  return (
    <div>
      <div className="l">{label}</div>
      <div className="big">{children}</div>
      <div className="s">{note}</div>
    </div>
  );
}

/** The last moment before an end: that of its last day. */
function lastMoment(end: string): string {
  return new Date(Date.parse(end) - 1).toISOString();
}
