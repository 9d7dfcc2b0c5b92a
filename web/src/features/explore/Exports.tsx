import { breakdownFileUrl, FILES } from "#/api/queries/costs";
import type { CostQuery } from "#/api/queries/keys";

const WORDS: Record<(typeof FILES)[number], string> = { csv: "CSV", parquet: "Parquet", arrow: "Arrow" };

/** Files with all rows of an answer, whose amounts add up to the total on the screen. */
export function Exports({ query }: { query: CostQuery }) {
  return (
    <span className="acts">
      {FILES.map((format) => (
        <a key={format} className="btn small" href={breakdownFileUrl(query, format)} download>
          <span className="vh">Export as </span>
          {WORDS[format]}
        </a>
      ))}
    </span>
  );
}
