import type { Overview } from "#/api/schema";
import { CROWDED, dayLabels, daysIn, daysWords } from "#/features/overview/period";
import { about, axisMoney, type Pace, paceOf, steps } from "#/features/overview/view";
import { money } from "#/lib/money";
import { Card } from "#/ui/Card";

const HEIGHT = 200;
const TOP = 14;
const BOTTOM = 176;
/** The chart's own width, and the part of it that is the period; the rest is for what stands beside its end. */
const WIDTH = 1000;
const PERIOD = 0.83;

/** What the period has cost day by day, added up, and what it is expected to. */
export function PaceCard({ overview, decimals }: { overview: Overview; decimals: number }) {
  const pace = paceOf(overview);
  return (
    <Card
      title="Spend so far"
      aside={overview.forecast ? "cumulative; dashed: expected, the band holds 4 of 5 outcomes" : "cumulative"}
    >
      <Chart overview={overview} pace={pace} decimals={decimals} />
      {!overview.forecast && !overview.no_forecast.startsWith("The period") && (
        <p className="mute small">{overview.no_forecast}</p>
      )}
    </Card>
  );
}

function Chart({ overview, pace, decimals }: { overview: Overview; pace: Pace; decimals: number }) {
  const { currency, forecast } = overview;
  const x = (at: number) => `${(100 * PERIOD * at).toFixed(2)}%`;
  const px = (at: number) => (WIDTH * PERIOD * at).toFixed(1);
  const y = (nanos: number) => Number((BOTTOM - ((BOTTOM - TOP) * nanos) / pace.top).toFixed(1));
  const line = (points: readonly { at: number; nanos: number }[]) =>
    points.map(({ at, nanos }, index) => `${index === 0 ? "M" : "L"}${px(at)} ${y(nanos)}`).join("");
  const days = daysIn(overview.start, overview.end);
  const now = pace.spent.at(-1) ?? { at: 0, nanos: 0 };
  const end = pace.ahead.at(-1);
  const labels = dayLabels(overview.first_day, days);
  const label = `Spend added up by day, ${daysWords(overview.start, overview.until, overview.zone)}: ${money(now.nanos, currency, decimals)} so far${
    forecast
      ? `; expected at the end ${about(forecast.mid_nanos, currency)}, four times out of five between ${about(forecast.low_nanos, currency)} and ${about(forecast.high_nanos, currency)}`
      : ""
  }.`;
  // Labels that would stand on each other: the one of now gives way.
  const near = end !== undefined && Math.abs(y(end.mid) - y(now.nanos)) < 34 && end.at - now.at < 0.12;
  return (
    <svg className="c" height={HEIGHT} role="img" aria-label={label}>
      {steps(pace.top, 4).map((step) => (
        <g key={step}>
          <line className="grid" x1="0%" x2={x(1)} y1={y(step)} y2={y(step)} />
          <text x="0%" y={y(step) - 4}>
            {axisMoney(step, currency)}
          </text>
        </g>
      ))}
      <line className="axis" x1="0%" x2={x(1)} y1={BOTTOM} y2={BOTTOM} />
      {labels.map(({ index, words }) => (
        <text
          key={index}
          className={index === 0 ? "" : index / days < CROWDED ? "m wide" : "m"}
          x={x(index === 0 ? 0 : (index + 0.5) / days)}
          y={HEIGHT - 7}
        >
          {words}
        </text>
      ))}
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        width="100%"
        height={HEIGHT}
        preserveAspectRatio="none"
        overflow="visible"
        aria-hidden="true"
      >
        {pace.ahead.length > 0 && (
          <>
            <path
              className="band"
              d={`${line(pace.ahead.map(({ at, high }) => ({ at, nanos: high })))}${pace.ahead
                .toReversed()
                .map(({ at, low }) => `L${px(at)} ${y(low)}`)
                .join("")}Z`}
            />
            <path className="ln dash" d={line(pace.ahead.map(({ at, mid }) => ({ at, nanos: mid })))} />
          </>
        )}
        <path className="ln" d={line(pace.spent)} />
      </svg>
      <circle className="pt" cx={x(now.at)} cy={y(now.nanos)} r="4" />
      {!near && (
        <text className="b" x={x(now.at)} y={y(now.nanos) + (now.at > 0.95 ? 4 : 18)} dx={now.at > 0.95 ? 10 : 6}>
          {money(now.nanos, currency, decimals)}
          {now.at < 1 && " now"}
        </text>
      )}
      {end && forecast && (
        <>
          <circle className="pt hollow" cx={x(end.at)} cy={y(end.mid)} r="4" />
          <text className="b" x={x(end.at)} y={y(end.mid) + 4} dx={10}>
            {about(forecast.mid_nanos, currency)}
          </text>
          <text className="wide" x={x(end.at)} y={y(end.mid) + 20} dx={10}>
            {about(forecast.low_nanos, currency)}–
          </text>
          <text className="wide" x={x(end.at)} y={y(end.mid) + 36} dx={10}>
            {about(forecast.high_nanos, currency)}
          </text>
        </>
      )}
    </svg>
  );
}
