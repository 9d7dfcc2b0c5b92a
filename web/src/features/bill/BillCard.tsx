import { Link } from "@tanstack/react-router";
import { urlOf } from "#/api/client";
import type { Bill } from "#/api/schema";
import { Answer } from "#/features/bill/Answer";
import type { Place } from "#/features/bill/BillRow";
import { BillTable } from "#/features/bill/BillTable";
import { billCsv } from "#/features/bill/export";
import type { Grouping } from "#/features/bill/grouping";
import type { BillView } from "#/features/bill/view";
import { GROUPING_WORDS } from "#/features/bill/words";
import { Card } from "#/ui/Card";
import { Segments } from "#/ui/controls";
import { DownloadButton } from "#/ui/DownloadButton";
import { FilterField } from "#/ui/FilterField";

interface BillCardProps {
  bill: Bill;
  view: BillView;
  names: Map<string, string>;
  selected: Place | undefined;
  filter: string;
  onFilter: (filter: string) => void;
  onBy: (by: Grouping) => void;
  onHow: (about: "bill" | "origins") => void;
}

/** The bill with its switch and its filter. */
export function BillCard({ bill, view, names, selected, filter, onFilter, onBy, onHow }: BillCardProps) {
  const path = { cluster_id: bill.cluster_id };
  return (
    <Card
      title="Bill by line"
      actions={
        <>
          <Segments legend="Rows of the bill" name="by" value={view.by} options={GROUPING_WORDS} onChange={onBy} />
          <FilterField
            placeholder="Find a line  /"
            label="Find a line of the bill"
            slash
            value={filter}
            onChange={onFilter}
          />
        </>
      }
    >
      <Answer bill={bill} view={view} names={names} onOrigins={() => onHow("origins")} />
      <BillTable view={view} names={names} selected={selected} filter={filter} onHow={() => onHow("bill")} />
      <p className="after acts">
        <Link className="btn small" to="/clusters/$clusterId/code" params={{ clusterId: bill.cluster_id }}>
          Open the code page
        </Link>
        <DownloadButton name={`bill-${bill.cluster_id}.csv`} label="Export CSV" text={() => billCsv(bill)} />{" "}
        <a
          className="btn small"
          href={urlOf("GET /clusters/{cluster_id}/profile.pb.gz", { path })}
          title="For go tool pprof"
          download
        >
          Export pprof
        </a>{" "}
        <a
          className="btn small"
          href={urlOf("GET /clusters/{cluster_id}/profile.speedscope.json", { path })}
          title="For speedscope.app"
          download
        >
          Export speedscope
        </a>
      </p>
    </Card>
  );
}
