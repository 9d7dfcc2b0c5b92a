import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useOverview } from "#/api/queries/overview";
import { useMe } from "#/api/queries/session";
import type { Me, Overview } from "#/api/schema";
import { FirstRun } from "#/features/clusters/FirstRun";
import { leads } from "#/features/groups/tree";
import { AnomaliesCard } from "#/features/overview/AnomaliesCard";
import { FiguresCard } from "#/features/overview/FiguresCard";
import { HowDialog } from "#/features/overview/HowDialog";
import { LinesCard } from "#/features/overview/LinesCard";
import { MendCard } from "#/features/overview/MendCard";
import { MoversCard } from "#/features/overview/MoversCard";
import { PaceCard } from "#/features/overview/PaceCard";
import { PayersCard } from "#/features/overview/PayersCard";
import { choices, monthBy, monthOf, queryOf, searchOf } from "#/features/overview/period";
import { SplitCard } from "#/features/overview/SplitCard";
import type { OverviewSearch } from "#/features/overview/search";
import { pageDecimals } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { count, percent } from "#/lib/format";
import { type Clock, moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { Empty, Notes, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/");

/** Where a period's money went: for everybody what is theirs, for administrators everything. */
export function OverviewPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const me = useMe();
  // The period is asked for by the clock of when the page was opened; what is shown goes by that of the answer.
  const [opened] = useState(() => Date.now());
  const start = useClock(opened);
  const overview = useOverview(queryOf(search, start.now));
  const clock = useClock(overview.dataUpdatedAt);
  const current = monthOf(start.now, start.zone);
  const change = (next: OverviewSearch) =>
    navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false, replace: true });
  return (
    <>
      <title>Overview · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>Overview</h1>
          <p className="sub">{overview.data && me.data ? whose(overview.data, me.data) : "\u00a0"}</p>
        </div>
        <Periods search={search} current={current} onChange={change} />
        <Link className="btn" to="/reports">
          Weekly report
        </Link>
      </div>
      <div className="content" aria-busy={overview.isFetching && overview.isPlaceholderData}>
        {overview.isError && (
          <Failure
            error={overview.error}
            what="The overview"
            since={overview.data ? moment(clock.now.toISOString(), clock) : undefined}
            onRetry={() => overview.refetch()}
          />
        )}
        {overview.isPending && (
          <Card title="Spend so far">
            <SkeletonRows what="the overview" rows={6} />
          </Card>
        )}
        {overview.data && <Notes notes={overview.data.notes} />}
        {overview.data &&
          (overview.data.total_nanos > 0 || overview.data.before_nanos > 0 ? (
            <Figures overview={overview.data} clock={clock} search={search} onChange={change} />
          ) : (
            <Nothing overview={overview.data} />
          ))}
        {me.data && (
          <Colophon me={me.data}>{overview.data && <AsOf overview={overview.data} clock={clock} />}</Colophon>
        )}
      </div>
    </>
  );
}

function whose(overview: Overview, me: Me): string {
  if (overview.whole) return me.organisation || "All that was spent";
  if (leads(me)) return "What your clusters and your groups cost";
  return "What your clusters cost";
}

/** How old the figures are, and how much of the money they explain. */
function AsOf({ overview, clock }: { overview: Overview; clock: Clock }) {
  const seen = overview.total_nanos > 0 ? 1 - overview.unseen_nanos / overview.total_nanos : undefined;
  return (
    <>
      <span>As of {moment(overview.as_of, clock)}</span>
      <span>Coverage {percent(seen)}</span>
      <span>{count(overview.clusters, "cluster")}</span>
    </>
  );
}

interface PeriodsProps {
  search: OverviewSearch;
  current: string;
  onChange: (next: OverviewSearch) => void;
}

/** Chooses the period: a month, or the last days. */
function Periods({ search, current, onChange }: PeriodsProps) {
  const month = search.month ?? current;
  const value = search.days !== undefined ? String(search.days) : month;
  const listed = choices(current);
  const step = (by: number) => onChange(searchOf(monthBy(month, by), current));
  return (
    <>
      {search.days === undefined && (
        <Button aria-label="The month before" onClick={() => step(-1)}>
          ‹
        </Button>
      )}
      <select
        className="field"
        aria-label="Period"
        value={value}
        onChange={(event) => onChange(searchOf(event.target.value, current))}
      >
        {!listed.some((choice) => choice.value === value) && <option value={value}>{value}</option>}
        {listed.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.words}
          </option>
        ))}
      </select>
      {search.days === undefined && (
        <Button aria-label="The month after" disabled={month >= current} onClick={() => step(1)}>
          ›
        </Button>
      )}
    </>
  );
}

interface FiguresProps {
  overview: Overview;
  clock: Clock;
  search: OverviewSearch;
  onChange: (next: OverviewSearch) => void;
}

function Figures({ overview, clock, search, onChange }: FiguresProps) {
  const [how, setHow] = useState<Topic>();
  const decimals = pageDecimals(overview.total_nanos);
  const parts = { overview, decimals, onHow: setHow };
  return (
    <>
      <FiguresCard {...parts} />
      <div className="cols">
        <div className="w8 stack">
          <PaceCard overview={overview} decimals={decimals} />
          <div className="cols">
            <SplitCard {...parts} />
            <PayersCard {...parts} />
          </div>
        </div>
        <div className="w4 stack">
          <MendCard {...parts} />
          <AnomaliesCard {...parts} />
        </div>
      </div>
      <div className="cols">
        <LinesCard {...parts} />
        <MoversCard {...parts} by={search.movers} onBy={(movers) => onChange({ movers })} />
      </div>
      {how && <HowDialog overview={overview} about={how} clock={clock} onClose={() => setHow(undefined)} />}
    </>
  );
}

function Nothing({ overview }: { overview: Overview }) {
  return (
    <Card title="Spend so far">
      {overview.clusters === 0 && overview.until < overview.end ? (
        <FirstRun />
      ) : (
        <Empty title="Nothing was spent in this period.">
          <p className="mute">Choose another one, or look at the clusters.</p>
        </Empty>
      )}
    </Card>
  );
}
