import { useMemo } from "react";
import type { CostBreakdown } from "#/api/schema";
import type { BillView } from "#/features/bill/view";
import { ChangeTable } from "#/features/code/ChangeCard";
import { changesOf } from "#/features/code/changes";
import { Failure } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { SkeletonRows } from "#/ui/states";

interface PeriodChangeCardProps {
  /** The period before in words. */
  before: string;
  comparing: boolean;
  query: { data: CostBreakdown | undefined; isError: boolean; error: unknown; refetch: () => unknown };
  now: BillView;
  then: BillView | undefined;
  names: Map<string, string>;
  onToggle: () => void;
}

/** What changed against the period before, by line. */
export function PeriodChangeCard({ before, comparing, query, now, then, names, onToggle }: PeriodChangeCardProps) {
  const changes = useMemo(() => then && changesOf(now, then), [now, then]);
  return (
    <Card
      title={comparing ? `Change against ${before}` : "Change against the period before"}
      actions={
        <Button small onClick={onToggle} aria-keyshortcuts="d">
          {comparing ? "Stop comparing" : `Compare with ${before}`}
          <span className="k" aria-hidden="true">
            d
          </span>
        </Button>
      }
    >
      {!comparing && <p className="mute">Lines are matched by their file and number.</p>}
      {comparing && query.isError && (
        <Failure error={query.error} what="The period before" onRetry={() => query.refetch()} />
      )}
      {comparing && !query.isError && !changes && <SkeletonRows what="the period before" />}
      {comparing && changes && <ChangeTable changes={changes} view={now} names={names} from="/code" />}
    </Card>
  );
}
