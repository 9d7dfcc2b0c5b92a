import { useMemo } from "react";
import { useBreakdown, useSourceAnywhere } from "#/api/queries/costs";
import type { CostQuery } from "#/api/queries/keys";
import { fileShown, SourcePanel } from "#/features/bill/SourceCard";
import type { BillView } from "#/features/bill/view";
import { filterText } from "#/features/explore/search";

interface SourceOfAllProps {
  view: BillView;
  names: Map<string, string>;
  selected: { file?: string | undefined; line?: number | undefined };
  query: CostQuery;
  onSelect: (file: string, line: number | undefined) => void;
}

/** Clusters that are asked for a file before it is given up. */
const MOST_ASKED = 5;

/** The source of a file that many clusters ran: the text that the newest of them has. */
export function SourceOfAll({ view, names, selected, query, onSelect }: SourceOfAllProps) {
  const file = fileShown(view, names, selected.file);
  const by = ["day", "cluster"];
  const ran = useBreakdown(
    file === undefined
      ? undefined
      : { ...query, by, where: [...query.where, filterText({ dimension: "file", values: [file] })], limit: 1000 },
  );
  const clusters = useMemo(() => {
    // Rows are in the order of days: the newest are last.
    const newest =
      ran.data?.by.join() === "day,cluster" ? ran.data.rows.map(({ keys }) => keys[1] ?? "").reverse() : [];
    return [...new Set(newest)].slice(0, MOST_ASKED);
  }, [ran.data]);
  const known = ran.data !== undefined && !ran.isPlaceholderData;
  const source = useSourceAnywhere(known ? file : undefined, clusters);
  const name = source.data && ran.data?.names[source.data.cluster];
  return (
    <SourcePanel
      view={view}
      names={names}
      selected={selected}
      file={file}
      source={source}
      from="/code"
      foot={
        name
          ? `As cluster ${name} had it, the newest of this period that still has the text; lines of other revisions may stand elsewhere.`
          : undefined
      }
      onSelect={onSelect}
    />
  );
}
