import { useState } from "react";
import type { ResourceList, ResourceSeries } from "#/api/schema";
import { GpuTable } from "#/features/resources/GpuTable";
import { Spark } from "#/features/resources/Spark";
import { known, mean, peak, scales, total } from "#/features/resources/series";
import { bytes, count } from "#/lib/format";
import { type Clock, clockTime, moment, secondsBetween } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";

/** Processes shown before the rest is asked for. */
const FIRST_ROWS = 8;
/** Below this many seconds the window needs seconds. */
const SHORT_S = 600;

/** What each process used of its machine over time: small pictures on one scale, each with its figures beside it. */
export function ResourcesCard({ list, clock }: { list: ResourceList; clock: Clock }) {
  const [all, setAll] = useState(false);
  const items = list.items.filter((series) => known(series.cpu_cores) || known(series.rss_bytes));
  const shown = all ? items : items.slice(0, FIRST_ROWS);
  const top = scales(items);
  const short = (secondsBetween(list.start, list.end) ?? 0) < SHORT_S;
  const window = `${moment(list.start, clock, short)}–${clockTime(list.end, clock.zone, short)}`;
  return (
    <Card
      id="resources"
      title="Resources"
      aside={items.length > 0 ? window : undefined}
      actions={
        items.length > 0 && (
          <span className="key">
            <span>
              <i className="sw trace" />
              in use
            </span>
            <span>
              <i className="sw within" />
              managed by Dask
            </span>
            {items.some((series) => peak(series.spilled_bytes) > 0) && (
              <span>
                <i className="sw spilled" />
                spilled to disk
              </span>
            )}
            <span>
              <i className="sw limit" />
              limit
            </span>
          </span>
        )
      }
    >
      {items.length === 0 ? (
        <p className="mute">No process has reported what it uses yet.</p>
      ) : (
        <>
          <div className="scroll">
            <table className="res">
              <caption className="vh">What each process used, {window}</caption>
              <thead>
                <tr>
                  <th scope="col">Process</th>
                  <th scope="col">CPU, to {count(top.cpu, "core")}</th>
                  <th scope="col">Memory, to {bytes(top.memory)}</th>
                  <th scope="col" className="wide">
                    Transfer, to {perSecond(top.transfer, list.step_seconds)}
                  </th>
                  <th scope="col" className="wide">
                    Disk, to {perSecond(top.disk, list.step_seconds)}
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.map((series) => (
                  <Process key={series.process_id} series={series} top={top} step={list.step_seconds} />
                ))}
              </tbody>
            </table>
          </div>
          {items.length > FIRST_ROWS && (
            <Button small onClick={() => setAll(!all)}>
              {all
                ? `Show ${FIRST_ROWS} only`
                : `Show ${count(items.length - FIRST_ROWS, "more process", "more processes")}`}
            </Button>
          )}
          <GpuTable items={items} />
        </>
      )}
    </Card>
  );
}

interface ProcessProps {
  series: ResourceSeries;
  top: ReturnType<typeof scales>;
  step: number;
}

function Process({ series, top, step }: ProcessProps) {
  const { name } = series;
  const limit = series.memory_limit_bytes;
  const cores = mean(series.cpu_cores);
  const rss = peak(series.rss_bytes);
  const spilled = peak(series.spilled_bytes);
  const cpu =
    cores === undefined
      ? "not reported"
      : `${cores.toFixed(1)} on average, ${peak(series.cpu_cores).toFixed(1)} at most`;
  const memory = [
    `${bytes(rss)} at most`,
    limit > 0 && `${Math.round((100 * rss) / limit)} % of ${bytes(limit)}`,
    spilled > 0 && `${bytes(spilled)} spilled`,
  ].filter(Boolean);
  return (
    <tr>
      <th scope="row" className="mono">
        {name}
      </th>
      <td>
        <Spark label={`CPU of ${name}: ${cpu}`} values={series.cpu_cores} top={top.cpu} />
        <span className="mute small">{cpu}</span>
      </td>
      <td>
        <Spark
          label={`Memory of ${name}: ${memory.join(", ")}`}
          values={series.rss_bytes}
          within={series.managed_bytes}
          spilled={spilled > 0 ? series.spilled_bytes : undefined}
          limit={limit}
          top={top.memory}
        />
        <span className={rss > limit * 0.9 && limit > 0 ? "warn small" : "mute small"}>{memory.join(", ")}</span>
      </td>
      <Flow name={name} what="Transfer" values={series.transfer_bytes} top={top.transfer} step={step} />
      <Flow name={name} what="Disk" values={series.disk_bytes} top={top.disk} step={step} />
    </tr>
  );
}

interface FlowProps {
  name: string;
  what: string;
  values: readonly (number | null)[];
  top: number;
  step: number;
}

/** Bytes that moved: their sum, and how fast at most. */
function Flow({ name, what, values, top, step }: FlowProps) {
  const words = known(values)
    ? `${bytes(Math.round(total(values)))}, ${perSecond(peak(values), step)} at most`
    : "not reported";
  return (
    <td className="wide">
      <Spark label={`${what} of ${name}: ${words}`} values={values} top={top} />
      <span className="mute small">{words}</span>
    </td>
  );
}

function perSecond(binBytes: number, step: number): string {
  return `${bytes(Math.round(binBytes / Math.max(step, 1e-9)))}/s`;
}
