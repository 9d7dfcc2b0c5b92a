import { useMemo } from "react";
import { useBreakdown } from "#/api/queries/costs";
import type { CostQuery } from "#/api/queries/keys";
import type { CostBreakdown } from "#/api/schema";
import { type Dimension, TIMES, titleOf } from "#/features/explore/dimensions";
import { barsOf, dearestKeys, seriesFilter, stepsFor, stepsOf } from "#/features/explore/overTime";
import { filterText } from "#/features/explore/search";
import { TimeChart } from "#/features/explore/TimeChart";
import { Failure } from "#/features/shell/Failure";
import { useClock } from "#/features/shell/zone";
import type { Span } from "#/lib/period";
import { Card } from "#/ui/Card";
import { Segments } from "#/ui/controls";
import { Empty, SkeletonRows } from "#/ui/states";

interface TimeCardProps {
  /** The answer without time: its dearest values become series. */
  answer: CostBreakdown;
  query: CostQuery;
  dimension: Dimension;
  step: Dimension;
  span: Span;
  onStep: (step: Dimension) => void;
}

const STEP_OPTIONS = TIMES.map((step) => [step, `By ${titleOf(step).toLowerCase()}`] as const).toReversed();

/** What was spent over time, by the dearest values. */
export function TimeCard({ answer, query, dimension, step, span, onStep }: TimeCardProps) {
  const keys = useMemo(() => dearestKeys(answer), [answer]);
  const limit = 10_000;
  const totals = useBreakdown({ ...query, by: [step], limit });
  const series = filterText(seriesFilter(dimension, keys));
  const parts = useBreakdown(
    keys.length > 0 ? { ...query, by: [step, dimension], where: [...query.where, series], limit } : undefined,
  );
  const clock = useClock(totals.dataUpdatedAt);
  const steps = useMemo(() => stepsOf(step, span, clock), [step, span, clock]);
  const bars = useMemo(() => {
    // Answers to questions before this one have other dimensions.
    const fits = totals.data?.by[0] === step && parts.data?.by[0] === step && parts.data.by[1] === dimension;
    return totals.data && parts.data && fits ? barsOf(totals.data, parts.data, keys, steps) : undefined;
  }, [totals.data, parts.data, keys, steps, step, dimension]);
  const failed = totals.isError ? totals : parts.isError ? parts : undefined;
  return (
    <Card
      title={`${titleOf(dimension)} by ${titleOf(step).toLowerCase()}`}
      actions={
        <Segments
          legend="One bar for each"
          name="step"
          value={step as (typeof TIMES)[number]}
          options={STEP_OPTIONS.filter(([option]) => stepsFor(span).includes(option))}
          onChange={onStep}
        />
      }
    >
      {failed ? (
        <Failure error={failed.error} what="The costs over time" onRetry={() => failed.refetch()} />
      ) : bars && bars.highest > 0 ? (
        <TimeChart bars={bars} step={step} dimension={dimension} currency={answer.currency} names={answer.names} />
      ) : bars || keys.length === 0 ? (
        <Empty title="Nothing was spent on that." />
      ) : (
        <SkeletonRows rows={6} what="the costs over time" />
      )}
    </Card>
  );
}
