import type { Timeline } from "#/api/schema";
import { gridTimes, LOOKS, type Row, rowsOf, type Segment } from "#/features/timeline/segments";
import { percent } from "#/lib/format";
import { type Clock, clockTime, moment, secondsBetween } from "#/lib/time";
import { Card } from "#/ui/Card";

const TOP = 4;
const FOOT = 22;
const GRID_LINES = 4;
/** Labels beyond are left out, so that none touches the one at the end; on narrow screens that begins earlier. */
const WIDE_END = 0.84;
const NARROW_END = 0.55;
/** Below this many seconds the axis needs seconds. */
const SHORT_S = 600;

interface TimelineCardProps {
  timeline: Timeline;
  clock: Clock;
  live: boolean;
}

/** What the workers did over time: work solid, what is not work a pattern, what was not seen an outline. */
export function TimelineCard({ timeline, clock, live }: TimelineCardProps) {
  const rows = rowsOf(timeline);
  const lost = rows.some((row) => row.overall.lost > 0);
  const short = (secondsBetween(timeline.start, timeline.end) ?? 0) < SHORT_S;
  const time = (at: string | Date) => clockTime(at, clock.zone, short);
  const window = `${moment(timeline.start, clock, short)}–${time(timeline.end)}`;
  return (
    <Card
      title="Workers"
      aside={rows.length > 0 ? window : undefined}
      actions={
        <span className="key">
          <span>
            <i className="sw lines" />
            work
          </span>
          <span>
            <i className="sw idle" />
            idle
          </span>
          <span>
            <i className="sw over" />
            overhead
          </span>
          {lost && (
            <span>
              <i className="sw lost" />
              lost
            </span>
          )}
          <span>
            <i className="sw unknown" />
            unknown
          </span>
        </span>
      }
    >
      {rows.length === 0 ? (
        <p className="mute">No worker has started yet.</p>
      ) : (
        <>
          <Chart rows={rows} timeline={timeline} time={time} live={live} />
          <div className="vh">
            <table>
              <caption>Share of each worker's thread time, {window}</caption>
              <thead>
                <tr>
                  <th scope="col">Worker</th>
                  <th scope="col">Work</th>
                  <th scope="col">Idle</th>
                  <th scope="col">Overhead</th>
                  <th scope="col">Lost</th>
                  <th scope="col">Unknown</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.id}>
                    <th scope="row">{row.name}</th>
                    <td>{percent(row.overall.work)}</td>
                    <td>{percent(row.overall.idle)}</td>
                    <td>{percent(row.overall.over)}</td>
                    <td>{percent(row.overall.lost)}</td>
                    <td>{percent(row.overall.unknown)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Card>
  );
}

interface ChartProps {
  rows: readonly Row[];
  timeline: Timeline;
  time: (at: string | Date) => string;
  live: boolean;
}

function Chart({ rows, timeline, time, live }: ChartProps) {
  const pitch = rows.length > 16 ? 14 : 22;
  const bar = pitch - 3;
  const bottom = TOP + rows.length * pitch;
  const x = (share: number) => `${(100 * share).toFixed(3)}%`;
  const grid = gridTimes(timeline.start, timeline.end, GRID_LINES);
  const busiest = [...rows].sort((a, b) => b.overall.work - a.overall.work)[0];
  const label = `What ${rows.length} workers did over time. Busiest: ${busiest?.name ?? "none"}, ${percent(busiest?.overall.work)} work. The table that follows has all of them.`;
  return (
    <div className="tl">
      <ol aria-hidden="true" style={{ paddingTop: TOP }}>
        {rows.map((row) => (
          <li key={row.id} style={{ height: pitch, paddingBottom: pitch - bar }}>
            {row.name}
          </li>
        ))}
      </ol>
      <svg className="c" height={bottom + FOOT} role="img" aria-label={label}>
        {grid.map(({ share }) => (
          <line key={share} className="grid" x1={x(share)} x2={x(share)} y1={TOP} y2={bottom} />
        ))}
        {rows.map((row, index) => {
          const y = TOP + index * pitch;
          return (
            <g key={row.id}>
              <rect
                className="unknown"
                x={x(row.from)}
                width={x(Math.max(0, row.to - row.from))}
                y={y + 0.5}
                height={bar - 1}
              />
              {row.segments.map((segment) => (
                <Stack key={segment.from} row={row} segment={segment} y={y} height={bar} x={x} />
              ))}
            </g>
          );
        })}
        <line className="axis" x1={x(0)} x2="100%" y1={bottom + 2} y2={bottom + 2} />
        {grid
          .filter(({ share }) => share < WIDE_END)
          .map(({ at, share }) => (
            <text key={share} className={share > NARROW_END ? "m wide" : "m"} x={x(share)} y={bottom + 18}>
              {time(at)}
            </text>
          ))}
        <text className="e" x="100%" y={bottom + 18}>
          {live ? `now ${time(timeline.end)}` : time(timeline.end)}
        </text>
      </svg>
    </div>
  );
}

interface StackProps {
  row: Row;
  segment: Segment;
  y: number;
  height: number;
  x: (share: number) => string;
}

/** One stretch: work at the bottom, then overhead, what was lost, and idle; the outline behind shows through where nothing was observed. */
function Stack({ row, segment, y, height, x }: StackProps) {
  let base = y + height;
  const parts = LOOKS.flatMap((look) => {
    const tall = segment.shares[look] * height;
    if (tall < 0.3) return [];
    base -= tall;
    return [{ look, top: base, tall }];
  });
  if (parts.length === 0) return null;
  const words = LOOKS.filter((look) => segment.shares[look] > 0).map(
    (look) => `${look === "over" ? "overhead" : look} ${percent(segment.shares[look], 0)}`,
  );
  return (
    <g>
      <title>{`${row.name}: ${words.join(", ")}`}</title>
      {parts.map((part) => (
        <rect
          key={part.look}
          className={part.look}
          x={x(segment.from)}
          width={x(segment.to - segment.from)}
          y={part.top}
          height={part.tall}
        />
      ))}
    </g>
  );
}
