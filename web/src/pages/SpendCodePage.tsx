import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { MAX_ROWS, useBreakdown } from "#/api/queries/costs";
import type { CostQuery } from "#/api/queries/keys";
import { useMe } from "#/api/queries/session";
import type { CostBreakdown, Me } from "#/api/schema";
import { gutter, viewOf } from "#/features/bill/view";
import { filesNamed } from "#/features/clusters/files";
import { aligned } from "#/features/code/changes";
import { FlameCard } from "#/features/code/FlameCard";
import { KindsCard } from "#/features/code/KindsCard";
import { nextOf, useLetters } from "#/features/code/keys";
import { chosenIn, treeOf, WHOLE } from "#/features/code/tree";
import { FilterChips } from "#/features/explore/FilterChips";
import { HowSpent } from "#/features/explore/HowSpent";
import { PeriodField } from "#/features/explore/PeriodField";
import { decimalsOf } from "#/features/explore/rows";
import { type Filter, filterText, readFilters, writeFilters } from "#/features/explore/search";
import { type Branch, pathTo } from "#/features/flame/branch";
import { costsIn } from "#/features/flame/tone";
import { Part } from "#/features/shell/Part";
import { Colophon } from "#/features/shell/Shell";
import { wholeOf } from "#/features/shell/whole";
import { useClock } from "#/features/shell/zone";
import { billOf, CODE_BY } from "#/features/spendcode/bill";
import { PeriodChangeCard } from "#/features/spendcode/PeriodChangeCard";
import { SourceOfAll } from "#/features/spendcode/SourceOfAll";
import { SpendersCard } from "#/features/spendcode/SpendersCard";
import type { SpendCodeSearch } from "#/features/spendcode/search";
import { count } from "#/lib/format";
import { money } from "#/lib/money";
import { type Span, spanBefore, spanOf, spanWords } from "#/lib/period";
import { Card } from "#/ui/Card";
import { FilterField } from "#/ui/FilterField";
import { Empty } from "#/ui/states";

const route = getRouteApi("/shell/code");

/** What all clusters of a period spent, as the code that it was spent on. */
export function SpendCodePage() {
  const me = useMe();
  const clock = useClock(me.dataUpdatedAt);
  const span = spanOf(route.useSearch(), clock);
  return (
    <>
      <title>Code · Lineitem</title>
      {me.data && <Code me={me.data} span={span} zone={clock.zone} />}
    </>
  );
}

function Code({ me, span, zone }: { me: Me; span: Span; zone: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filters = readFilters(search.where);
  const query: CostQuery = {
    by: CODE_BY,
    where: filters.map(filterText),
    since: span.since,
    until: span.until,
    limit: MAX_ROWS,
  };
  const answer = useBreakdown(query);
  const change = (next: Partial<SpendCodeSearch>, replace = false) =>
    navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false, replace });
  const { period, from, to, where } = search;
  return (
    <>
      <div className="top">
        <div className="grow">
          <h1>Code</h1>
          <p className="sub">The bill by line: each dollar on the line that created the work</p>
        </div>
        <Link className="btn small" to="/explore" search={{ period, from, to, where, by: "line" }}>
          Explore by line
        </Link>
        <PeriodField
          key={span.period ?? "own"}
          span={span}
          onChange={(next) => change({ ...next, zoom: undefined, line: undefined })}
        />
        <FilterField
          slash
          label="Find a file, function, line or operation"
          placeholder="Find in the bill  /"
          value={search.q ?? ""}
          onChange={(next) => change({ q: next || undefined }, true)}
        />
      </div>
      <div className="content">
        <section className="asked" aria-label="Question">
          <FilterChips
            filters={filters}
            names={answer.data?.names ?? {}}
            onChange={(next) => change({ where: writeFilters(next) || undefined, zoom: undefined })}
          />
        </section>
        <Part query={answer} title="The money" what="The costs">
          {(data) =>
            data.total_nanos > 0 ? (
              <Money me={me} answer={data} query={query} filters={filters} span={span} zone={zone} change={change} />
            ) : (
              <Card title="The money">
                <Empty title="Nothing was spent on that.">
                  <p className="mute">No cluster that you may see ran in this period, or the filters leave nothing.</p>
                </Empty>
              </Card>
            )
          }
        </Part>
        <Colophon me={me}>
          <span>Lines + idle + overhead + lost + unknown = the total, to the billionth</span>
        </Colophon>
      </div>
    </>
  );
}

interface MoneyProps {
  me: Me;
  answer: CostBreakdown;
  query: CostQuery;
  filters: readonly Filter[];
  span: Span;
  zone: string;
  change: (next: Partial<SpendCodeSearch>, replace?: boolean) => void;
}

function Money({ me, answer, query, filters, span, zone, change }: MoneyProps) {
  const { file, line, op, zoom, q = "", against, paint, period, from, to } = route.useSearch();
  const [how, setHow] = useState(false);
  const clock = useClock(Date.parse(answer.as_of));
  const bill = useMemo(() => billOf(answer), [answer]);
  const names = useMemo(() => filesNamed(bill, undefined, undefined), [bill]);
  const lines = useMemo(() => viewOf(bill, "origin", decimalsOf(bill.total_nanos)), [bill]);
  const operations = useMemo(() => viewOf(bill, "operation", decimalsOf(bill.total_nanos)), [bill]);
  const whole = wholeOf(me);
  const root = useMemo(() => treeOf(lines, names, whole), [lines, names, whole]);

  const before = spanBefore(span, zone);
  const then = useBreakdown(against ? { ...query, since: before.since, until: before.until } : undefined);
  const thenLines = useMemo(
    () =>
      against && then.data && !then.isPlaceholderData ? viewOf(billOf(then.data), "origin", lines.decimals) : undefined,
    [against, then.data, then.isPlaceholderData, lines.decimals],
  );
  const thenNames = useMemo(
    () => new Map([...(thenLines ? filesNamed(then.data && billOf(then.data), undefined, undefined) : []), ...names]),
    [thenLines, then.data, names],
  );
  const both = useMemo(
    () => thenLines && costsIn(treeOf(aligned(lines, thenLines), names, whole)),
    [lines, thenLines, names, whole],
  );

  const here = file !== undefined && names.has(file) ? file : undefined;
  const costs = gutter(lines, here ?? "");
  const chosen = useMemo(() => chosenIn(root, here, line, op), [root, here, line, op]);
  const onZoom = (branch: Branch) =>
    change({
      zoom: branch.id === WHOLE ? undefined : branch.id,
      ...(branch.place ? { file: branch.place.file, line: branch.place.line, op: branch.operation } : {}),
    });
  const turn = (step: 1 | -1) => {
    const next = nextOf([...costs.keys()], line, step);
    if (next !== undefined) change({ file: here, line: next, op: undefined });
  };
  const compare = () => change({ against: against ? undefined : "before", paint: undefined });
  const up = () => {
    const path = zoom === undefined ? undefined : pathTo(root, zoom);
    if (path) onZoom(path.at(-2) ?? root);
  };
  useLetters({ n: () => turn(1), p: () => turn(-1), d: compare, Escape: up });

  return (
    <>
      <FlameCard
        root={root}
        title={`${whole}, ${spanWords(span)}, ${money(lines.total, lines.currency, decimalsOf(lines.total))}`}
        currency={lines.currency}
        decimals={lines.decimals}
        zoom={zoom}
        chosen={chosen}
        search={q}
        loaded={false}
        change={
          both && {
            both,
            against: spanWords(before),
            painted: paint === "change",
            onPaint: (painted) => change({ paint: painted ? "change" : undefined }),
          }
        }
        onZoom={onZoom}
        onSearch={(text) => change({ q: text || undefined }, true)}
      />
      {answer.rest_rows > 0 && (
        <p className="note small">
          The dearest {answer.rows.length.toLocaleString("en-US")} entries are shown;{" "}
          {count(answer.rest_rows, "smaller one", "smaller ones")} stand together. Filters bring them forward.
        </p>
      )}
      <div className="cols">
        <div className="w7 stack">
          <SourceOfAll
            view={lines}
            names={names}
            selected={{ file: here, line }}
            query={query}
            onSelect={(nextFile, nextLine) => change({ file: nextFile, line: nextLine, op: undefined })}
          />
          <PeriodChangeCard
            before={spanWords(before)}
            comparing={against !== undefined}
            query={then}
            now={lines}
            then={thenLines}
            names={thenNames}
            onToggle={compare}
          />
        </div>
        <div className="w5 stack">
          {here !== undefined && line !== undefined && (
            <SpendersCard
              place={{ file: here, line }}
              name={`${names.get(here) ?? here}:${line}`}
              filters={filters}
              query={query}
              period={{ period, from, to }}
              decimals={lines.decimals}
            />
          )}
          <KindsCard
            view={operations}
            own={undefined}
            names={names}
            chosen={op}
            from="/code"
            onHow={() => setHow(true)}
          />
        </div>
      </div>
      {how && <HowSpent answer={answer} query={query} clock={clock} onClose={() => setHow(false)} />}
    </>
  );
}
