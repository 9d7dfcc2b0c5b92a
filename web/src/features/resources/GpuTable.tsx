import type { GPU, ResourceSeries } from "#/api/schema";
import { gpuIdleShare, gpuStretches } from "#/features/resources/series";
import { bytes, count, duration, percent } from "#/lib/format";

/** A device that ran a kernel for less than this share of the time was not used. */
const UNUSED = 0.005;

/** Each GPU over time: dots where it was allocated and ran nothing, darker where it was busier. */
export function GpuTable({ items }: { items: readonly ResourceSeries[] }) {
  const devices = items.flatMap((series) => series.gpus.map((gpu) => ({ series, gpu })));
  if (devices.length === 0) return null;
  const unused = devices.filter(({ gpu }) => gpu.observed_seconds > 0 && gpu.utilisation < UNUSED);
  const seconds = devices.reduce((sum, { gpu }) => sum + gpu.idle_seconds, 0);
  return (
    <section aria-label="GPUs" className="gpus">
      <div className="gpuhead">
        <h3>GPUs</h3>
        <span className="mute small">
          {unused.length > 0
            ? `${unused.length} of ${devices.length} never ran a kernel; ${duration(seconds)} of GPU time unused`
            : `${count(devices.length, "device")}, ${duration(seconds)} of GPU time unused`}
        </span>
        <span className="grow" />
        <span className="key">
          <span>
            <i className="sw gpu" />
            allocated, unused
          </span>
          <span>
            <i className="sw r4" />
            <i className="sw r2" />
            busy, busier
          </span>
        </span>
      </div>
      <div className="scroll">
        <table className="res">
          <caption className="vh">Use of each GPU</caption>
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col" className="strip">
                Over time
              </th>
              <th scope="col" className="n">
                Unused
              </th>
              <th scope="col" className="n wide">
                A kernel ran
              </th>
              <th scope="col" className="n wide">
                SM active
              </th>
              <th scope="col" className="n wide">
                Memory at most
              </th>
              <th scope="col" className="n wide">
                Energy
              </th>
            </tr>
          </thead>
          <tbody>
            {devices.map(({ series, gpu }) => (
              <tr key={`${series.process_id} ${gpu.uuid}`}>
                <th scope="row">
                  <span className="mono">
                    {series.name}, GPU {gpu.index}
                  </span>
                  <span className="mute small native">{gpu.name}</span>
                </th>
                <td className="strip">
                  <Strip gpu={gpu} name={series.name} />
                </td>
                <td className={(gpuIdleShare(gpu) ?? 0) > 0.5 ? "n warn" : "n"}>{percent(gpuIdleShare(gpu))}</td>
                <td className="n wide">{gpu.observed_seconds > 0 ? percent(gpu.utilisation) : "–"}</td>
                <td className="n wide">{percent(gpu.sm_activity)}</td>
                <td className="n wide">
                  {bytes(gpu.memory_peak_bytes)}
                  {gpu.memory_total_bytes > 0 && (
                    <span className="mute small native">of {bytes(gpu.memory_total_bytes)}</span>
                  )}
                </td>
                <td className="n wide">
                  {gpu.energy_joules > 0 ? `${(gpu.energy_joules / 3.6e6).toFixed(2)} kWh` : "–"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** One device's life as a strip. */
function Strip({ gpu, name }: { gpu: GPU; name: string }) {
  const parts = gpuStretches(gpu.utilisation_bins);
  const label = `GPU ${gpu.index} of ${name}: a kernel ran ${percent(gpu.utilisation)} of the time`;
  return (
    <svg className="c" height={12} role="img" aria-label={label}>
      {parts.map((part) => (
        <rect
          key={part.from}
          className={part.look}
          x={`${(100 * part.from).toFixed(3)}%`}
          width={`${(100 * (part.to - part.from)).toFixed(3)}%`}
          y={0}
          height={12}
        >
          <title>{part.look === "gpu" ? "allocated, no kernel" : `a kernel ran ${percent(part.mean, 0)}`}</title>
        </rect>
      ))}
    </svg>
  );
}
