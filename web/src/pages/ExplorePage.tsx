import { getRouteApi, Link, Navigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { MAX_ROWS, useBreakdown } from "#/api/queries/costs";
import { useGroups } from "#/api/queries/groups";
import type { CostQuery } from "#/api/queries/keys";
import { useMe } from "#/api/queries/session";
import type { CostBreakdown, Me } from "#/api/schema";
import { type Dimension, isTime, titleOf } from "#/features/explore/dimensions";
import { crumbs, filtered, nextDimension, regrouped, type Start, startOf } from "#/features/explore/drill";
import { Exports } from "#/features/explore/Exports";
import { FilterChips } from "#/features/explore/FilterChips";
import { GroupField } from "#/features/explore/GroupField";
import { HowSpent } from "#/features/explore/HowSpent";
import { InvoicedWords } from "#/features/explore/Invoices";
import { stepFor, stepsFor } from "#/features/explore/overTime";
import { PeriodField } from "#/features/explore/PeriodField";
import { PivotTable } from "#/features/explore/PivotTable";
import { decimalsOf, viewOf } from "#/features/explore/rows";
import { SpendTable } from "#/features/explore/SpendTable";
import {
  byOf,
  type ExploreSearch,
  type Figures,
  filterText,
  MOST_DIMENSIONS,
  readFilters,
  type View,
} from "#/features/explore/search";
import { TimeCard } from "#/features/explore/TimeCard";
import { filterWords, valueWords } from "#/features/explore/words";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { wholeOf } from "#/features/shell/whole";
import { useClock } from "#/features/shell/zone";
import { count, percent } from "#/lib/format";
import { money } from "#/lib/money";
import { type Span, spanOf, spanWords } from "#/lib/period";
import { moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Fig, Segments } from "#/ui/controls";
import { FilterField } from "#/ui/FilterField";
import { Empty, Notes, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/explore");

const VIEW_OPTIONS = [
  ["table", "Table"],
  ["pivot", "Across"],
  ["time", "Over time"],
] as const satisfies readonly (readonly [View, string])[];

const FIGURE_OPTIONS = [
  ["metered", "Metered"],
  ["invoiced", "Invoiced"],
] as const satisfies readonly (readonly [Figures, string])[];

/** Rows that are asked for at first. */
const FIRST_ROWS = 1000;

/** Any question of cost: what was spent on what, over any period, down to the line. */
export function ExplorePage() {
  const me = useMe();
  const clock = useClock(me.dataUpdatedAt);
  const search = route.useSearch();
  const span = spanOf(search, clock);
  return (
    <>
      <title>Explore costs · Lineitem</title>
      {me.data && <Begun me={me.data} search={search} span={span} />}
    </>
  );
}

interface BegunProps {
  me: Me;
  search: ExploreSearch;
  span: Span;
}

/**
 * The explorer, once its address says what money is grouped by. One that does not is given what suits the reader, so that the address is the
 * same question to everyone whom it is sent to.
 */
function Begun({ me, search, span }: BegunProps) {
  const groups = useGroups(startOf(me, undefined) === undefined);
  const start = startOf(me, groups.isError ? [] : groups.data?.items);
  if (search.by) return <Explorer me={me} search={search} span={span} start={start ?? "user"} />;
  if (start) {
    const by = nextDimension(readFilters(search.where), start) ?? start;
    return <Navigate to="/explore" search={{ ...search, by }} replace resetScroll={false} />;
  }
  return (
    <>
      <div className="top">
        <h1 className="grow">Explore costs</h1>
      </div>
      <div className="content">
        <Card title="Costs">
          <SkeletonRows rows={8} what="the costs" />
        </Card>
      </div>
    </>
  );
}

function Explorer({ me, search, span, start }: BegunProps & { start: Start }) {
  const navigate = route.useNavigate();
  const [how, setHow] = useState(false);
  const asked = byOf(search.by);
  const [first = start] = asked;
  const view = search.view ?? "table";
  // Across takes two dimensions; money over time is of one.
  const by: Dimension[] = view === "pivot" ? [...asked, across(first)].slice(0, 2) : asked;
  const filters = readFilters(search.where);
  const query: CostQuery = {
    by,
    where: filters.map(filterText),
    since: span.since,
    until: span.until,
    figures: search.figures === "invoiced" ? "invoiced" : undefined,
    limit: search.all || view !== "table" ? MAX_ROWS : FIRST_ROWS,
  };
  const answer = useBreakdown(query);
  const clock = useClock(answer.dataUpdatedAt);
  const change = (next: Partial<ExploreSearch>, replace = false) =>
    navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false, replace });
  const go = (next: ExploreSearch) => navigate({ search: next, resetScroll: false });
  const names = answer.data?.names ?? {};
  return (
    <>
      <div className="top">
        <div className="grow">
          <h1>Explore costs</h1>
          <p className="sub">
            {spanWords(span)}
            {answer.data && `; as of ${moment(answer.data.as_of, clock)}`}
          </p>
        </div>
        <PeriodField
          key={span.period ?? "own"}
          span={span}
          onChange={(next) => change({ ...next, page: undefined, step: undefined })}
        />
        <Segments
          legend="How it is shown"
          name="view"
          value={view}
          options={VIEW_OPTIONS}
          onChange={(next) => change({ view: next === "table" ? undefined : next, page: undefined })}
        />
      </div>
      <div className="content">
        {filters.length > 0 && <Way me={me} search={search} names={names} by={by} />}
        <section className="asked" aria-label="Question">
          <GroupField
            by={by}
            most={view === "pivot" ? 2 : MOST_DIMENSIONS}
            onChange={(next) => go(regrouped(search, next))}
          />
          <FilterChips filters={filters} names={names} onChange={(next) => go(filtered(search, next))} />
          <Segments
            legend="Which figures"
            name="figures"
            value={search.figures ?? "metered"}
            options={FIGURE_OPTIONS}
            onChange={(next) => change({ figures: next === "metered" ? undefined : next, page: undefined })}
          />
        </section>
        {answer.data && <Notes notes={answer.data.notes} />}
        {view === "time" && answer.data && answer.data.by[0] === first && !isTime(first) && (
          <TimeCard
            answer={answer.data}
            query={{ ...query, limit: undefined }}
            dimension={first}
            step={search.step && stepsFor(span).includes(search.step) ? search.step : stepFor(span)}
            span={span}
            onStep={(step) => change({ step: step === stepFor(span) ? undefined : step })}
          />
        )}
        <Card
          title={`Cost by ${by.map((dimension) => titleOf(dimension).toLowerCase()).join(", then ")}`}
          aside={answer.isPlaceholderData ? "reading…" : undefined}
          actions={
            <>
              {view !== "pivot" && (
                <FilterField
                  slash
                  label="Find a row"
                  placeholder="Find a row  /"
                  value={search.q ?? ""}
                  onChange={(next) => change({ q: next || undefined, page: undefined }, true)}
                />
              )}
              <Exports query={query} />
            </>
          }
        >
          {answer.isError ? (
            <Failure error={answer.error} what="The costs" onRetry={() => answer.refetch()} />
          ) : answer.data ? (
            <Money
              answer={answer.data}
              search={search}
              start={start}
              view={view}
              busy={answer.isPlaceholderData}
              onSearch={change}
              onHow={() => setHow(true)}
            />
          ) : (
            <SkeletonRows rows={8} what="the costs" />
          )}
        </Card>
        <Colophon me={me}>
          <span>Rows and what is not listed add up to the total, to the billionth</span>
        </Colophon>
      </div>
      {how && answer.data && (
        <HowSpent answer={answer.data} query={query} clock={clock} onClose={() => setHow(false)} />
      )}
    </>
  );
}

/** What stands across where nobody chose it. */
function across(down: Dimension): Dimension {
  return down === "kind" ? "user" : "kind";
}

interface MoneyProps {
  answer: CostBreakdown;
  search: ExploreSearch;
  start: Start;
  view: View;
  busy: boolean;
  onSearch: (next: Partial<ExploreSearch>) => void;
  onHow: () => void;
}

function Money({ answer, search, start, view, busy, onSearch, onHow }: MoneyProps) {
  const shown = useMemo(() => viewOf(answer), [answer]);
  if (answer.total_nanos === 0 && answer.rows.length === 0) {
    return (
      <Empty title="Nothing was spent on that.">
        <p className="mute">
          {answer.all_nanos > 0
            ? `The filters leave nothing of ${money(answer.all_nanos, answer.currency, decimalsOf(answer.all_nanos))}.`
            : "No cluster that you may see ran in this period."}
        </p>
      </Empty>
    );
  }
  const dearest = shown.rows.reduce((best, row) => (row.nanos > (best?.nanos ?? -1) ? row : best), shown.rows[0]);
  return (
    <div aria-busy={busy} className={busy ? "busy" : undefined}>
      <p className="answer">
        <Fig label="Total" onOpen={onHow}>
          <span className="strong">{money(shown.total.shown, shown.currency, shown.decimals)}</span>
        </Fig>
        {answer.total_nanos !== answer.all_nanos && answer.all_nanos > 0 && (
          <>, {percent(answer.total_nanos / answer.all_nanos)} of all that was spent</>
        )}
        , by {count(answer.clusters, "cluster")}.{answer.figures === "invoiced" && <InvoicedWords answer={answer} />}
        {dearest && shown.rows.length > 1 && shown.total.nanos > 0 && (
          <>
            {" "}
            Most went to{" "}
            <span className="strong">
              {shown.by
                .map((dimension, index) => valueWords(dimension, dearest.keys[index] ?? "", shown.names))
                .join(", ")}
            </span>
            : {percent(dearest.share)}.
          </>
        )}
      </p>
      {view === "pivot" && shown.by.length === 2 ? (
        <PivotTable view={shown} search={search} start={start} onHow={onHow} />
      ) : (
        <SpendTable view={shown} search={search} start={start} onSearch={onSearch} onHow={onHow} />
      )}
    </div>
  );
}

interface WayProps {
  me: Me;
  search: ExploreSearch;
  names: Readonly<Record<string, string>>;
  by: readonly Dimension[];
}

/** The way down to what is shown, each step of which leads back. */
function Way({ me, search, names, by }: WayProps) {
  const steps = crumbs(search);
  const last = steps.length - 1;
  return (
    <nav className="crumbs small" aria-label="Way down">
      {steps.map(({ filter, search: target }, index) => {
        const words = filter ? `${titleOf(filter.dimension).toLowerCase()} ${filterWords(filter, names)}` : wholeOf(me);
        return (
          // The same filter may stand there twice.
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place on the way.
          <span key={index}>
            {index === last ? (
              <span aria-current="true">
                {words}, by {by.map((dimension) => titleOf(dimension).toLowerCase()).join(" and ")}
              </span>
            ) : (
              <>
                <Link to="/explore" search={target} resetScroll={false}>
                  {words}
                </Link>{" "}
                ›
              </>
            )}
          </span>
        );
      })}
    </nav>
  );
}
