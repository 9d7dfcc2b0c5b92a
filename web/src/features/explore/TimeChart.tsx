import { useMemo } from "react";
import { lookClass } from "#/features/code/words";
import type { Dimension } from "#/features/explore/dimensions";
import { manyOf, titleOf } from "#/features/explore/dimensions";
import { type Bars, gridOf } from "#/features/explore/overTime";
import { decimalsOf } from "#/features/explore/rows";
import { lookOf, valueWords } from "#/features/explore/words";
import { money, rounded } from "#/lib/money";

interface TimeChartProps {
  bars: Bars;
  step: Dimension;
  dimension: Dimension;
  currency: string;
  names: Readonly<Record<string, string>>;
}

const HEIGHT = 220;
const LABEL_PX = 16;

/** Fewer bars than this do not get wider. */
const FEWEST_STEPS = 8;

/** Money over time as stacked bars, each series labelled where it ends; the same stands in the table below. */
export function TimeChart({ bars, step, dimension, currency, names }: TimeChartProps) {
  const grid = useMemo(() => gridOf(bars.highest), [bars.highest]);
  const top = grid.at(-1) ?? 1;
  const y = (nanos: number) => heightOf(nanos, top);
  const width = 100 / Math.max(FEWEST_STEPS, bars.steps.length);
  const words = (key: string | undefined) => (key === undefined ? "Others" : valueWords(dimension, key, names));
  const looks = bars.series.map(({ key }, index) => {
    const look = key === undefined ? undefined : lookOf(dimension, key);
    return look ? lookClass(look) : key === undefined ? "fr0" : `fr${Math.min(5, index + 1)}`;
  });
  const labels = useMemo(() => labelsAt(bars, top), [bars, top]);
  const amount = (nanos: number) => rounded(nanos, currency, decimalsOf(bars.highest));
  const marks = markedSteps(bars.steps.length);
  return (
    <figure className="timechart">
      <div className="plot">
        <div className="axis" style={{ height: HEIGHT }} aria-hidden="true">
          {grid.map((nanos) => (
            <span key={nanos} style={{ top: y(nanos) }}>
              {money(nanos, currency, nanos >= 1e9 ? 0 : undefined)}
            </span>
          ))}
        </div>
        <div className="inner">
          <svg
            className="c"
            height={HEIGHT}
            role="img"
            aria-label={`Cost by ${titleOf(step).toLowerCase()}; the table below has the same`}
          >
            {grid.map((nanos) => (
              <line key={nanos} className="grid" x1="0" x2="100%" y1={y(nanos)} y2={y(nanos)} />
            ))}
            {bars.steps.map((name, at) => {
              let below = 0;
              return (
                <g key={name}>
                  {bars.series.map(({ key, values }, index) => {
                    const nanos = values[at] ?? 0;
                    if (nanos <= 0) return null;
                    const from = y(below + nanos);
                    const height = Math.max(0.5, y(below) - from - 1);
                    below += nanos;
                    return (
                      <rect
                        key={key ?? ""}
                        className={looks[index]}
                        x={`${at * width + width * 0.08}%`}
                        width={`${width * 0.84}%`}
                        y={from}
                        height={height}
                      >
                        <title>{`${valueWords(step, name, names)}, ${words(key)}: ${amount(nanos)}`}</title>
                      </rect>
                    );
                  })}
                </g>
              );
            })}
            <line className="axis" x1="0" x2="100%" y1={HEIGHT} y2={HEIGHT} />
          </svg>
          <div className="steps" aria-hidden="true">
            {marks.map((at, index) => (
              <span
                key={at}
                className={index % 3 === 0 ? undefined : "wide"}
                style={{ left: `${(at + 0.5) * width}%` }}
              >
                {shortStep(step, bars.steps[at] ?? "")}
              </span>
            ))}
          </div>
        </div>
        <ol className="ends wide" style={{ height: HEIGHT }} aria-label={`The dearest ${manyOf(dimension)}`}>
          {bars.series.map(({ key }, index) => (
            <li key={key ?? ""} style={{ top: labels[index] }}>
              <i className={`sw ${looks[index]}`} />
              <span title={key}>{words(key)}</span>
            </li>
          ))}
        </ol>
      </div>
      <span className="key narrow">
        {bars.series.map(({ key }, index) => (
          <span key={key ?? ""}>
            <i className={`sw ${looks[index]}`} />
            {words(key)}
          </span>
        ))}
      </span>
    </figure>
  );
}

const heightOf = (nanos: number, top: number) => HEIGHT - (nanos / top) * HEIGHT;

/** Where the labels stand: beside the middle of their part of the last bar, moved apart as far as they need. */
function labelsAt(bars: Bars, top: number): number[] {
  const last = bars.steps.length - 1;
  let below = 0;
  const wanted = bars.series.map(({ values }) => {
    const nanos = values[last] ?? 0;
    const middle = heightOf(below + nanos / 2, top);
    below += nanos;
    return middle - LABEL_PX / 2;
  });
  // From the foot up: each label at its part, or right above the one before.
  let floor = HEIGHT - LABEL_PX;
  const placed = wanted.map((at) => {
    const here = Math.min(at, floor);
    floor = here - LABEL_PX;
    return here;
  });
  const over = Math.max(0, -Math.min(...placed));
  // Too high: those that were pushed out of the picture come back, pushing the others down.
  return placed.map((at, index) => (over > 0 ? Math.max(at, (placed.length - 1 - index) * LABEL_PX) : at));
}

/** Steps whose name stands below the bars: the first, the last and some between. */
function markedSteps(steps: number): number[] {
  const every = Math.max(1, Math.ceil(steps / 7));
  return Array.from({ length: steps }, (_, at) => at).filter((at) => at % every === 0);
}

function shortStep(step: Dimension, value: string): string {
  if (step === "hour") return value.slice(11, 16);
  if (step === "week") return value.slice(5);
  const words = valueWords(step, value, {});
  return step === "day" ? words.slice(0, -5) : words;
}
