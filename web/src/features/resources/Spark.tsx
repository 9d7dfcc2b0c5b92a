import { stretches, type Values } from "#/features/resources/series";

/** The chart's own coordinates: x stretches with the card, y does not. */
const WIDTH = 240;
const HEIGHT = 34;

interface SparkProps {
  /** Says what the picture shows. */
  label: string;
  values: Values;
  top: number;
  /** A second measure inside the first, drawn as a fuller area. */
  within?: Values;
  /** A third, as a line of its own: bytes that did not fit. */
  spilled?: Values | undefined;
  /** A limit, as a rule. */
  limit?: number | undefined;
}

/** One measure of one process over time. */
export function Spark({ label, values, top, within, spilled, limit }: SparkProps) {
  const rule = limit !== undefined && limit > 0 && top > 0 ? HEIGHT - Math.min(1, limit / top) * HEIGHT : undefined;
  return (
    <svg
      className="c spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <line className="axis" x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      {stretches(values, top, WIDTH, HEIGHT).map((stretch) => (
        <g key={stretch.line}>
          <path className="area" d={stretch.area} />
          <path className="trace" d={stretch.line} />
        </g>
      ))}
      {within &&
        stretches(within, top, WIDTH, HEIGHT).map((stretch) => (
          <path key={stretch.area} className="within" d={stretch.area} />
        ))}
      {spilled &&
        stretches(spilled, top, WIDTH, HEIGHT).map((stretch) => (
          <path key={stretch.line} className="spilled" d={stretch.line} />
        ))}
      {rule !== undefined && <line className="limit" x1={0} x2={WIDTH} y1={rule + 0.5} y2={rule + 0.5} />}
    </svg>
  );
}
