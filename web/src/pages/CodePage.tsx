import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { isLive, POLL_MS, useBill, useBillIf, useCluster, useRecentClusters } from "#/api/queries/clusters";
import { useMe } from "#/api/queries/session";
import type { Bill, Cluster } from "#/api/schema";
import { type How, HowDialog } from "#/features/bill/HowDialog";
import { LineCard } from "#/features/bill/LineCard";
import { SourceCard } from "#/features/bill/SourceCard";
import { filesOf, gutter, viewOf } from "#/features/bill/view";
import { filesNamed } from "#/features/clusters/files";
import { NotLoaded } from "#/features/clusters/NotLoaded";
import { StatusPill } from "#/features/clusters/StatusPill";
import { ChangeCard } from "#/features/code/ChangeCard";
import { aligned } from "#/features/code/changes";
import { FlameCard } from "#/features/code/FlameCard";
import { KindsCard } from "#/features/code/KindsCard";
import { nextOf, useLetters } from "#/features/code/keys";
import { loadedBill, RULE } from "#/features/code/loaded";
import { comparable, earlier } from "#/features/code/others";
import type { CodeSearch } from "#/features/code/search";
import { chosenIn, treeOf, WHOLE } from "#/features/code/tree";
import { type Branch, pathTo } from "#/features/flame/branch";
import { costsIn } from "#/features/flame/tone";
import { Failure } from "#/features/shell/Failure";
import { Part } from "#/features/shell/Part";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { percent } from "#/lib/format";
import { money } from "#/lib/money";
import { moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Segments } from "#/ui/controls";
import { FilterField } from "#/ui/FilterField";
import { Empty } from "#/ui/states";

const route = getRouteApi("/shell/clusters/$clusterId/code");

const LOADED_OPTIONS = [
  ["apart", "Idle apart"],
  ["loaded", "Idle loaded"],
] as const;

const WORDS: Record<Cluster["method"], string> = {
  agent: "The bill by line: each dollar on the line that created the work",
  sampled: "The bill by line: each dollar on the line where threads stood",
};

/** The bill of one cluster as its code: a picture of the money, the source beside its cost, and what was done. */
export function CodePage() {
  const { clusterId: id } = route.useParams();
  const cluster = useCluster(id);
  if (cluster.data) return <Loaded id={id} cluster={cluster.data} query={cluster} />;
  return <NotLoaded id={id} query={cluster} />;
}

function Loaded({ id, cluster, query }: { id: string; cluster: Cluster; query: ReturnType<typeof useCluster> }) {
  const { q = "", loaded } = route.useSearch();
  const navigate = route.useNavigate();
  const clock = useClock(query.dataUpdatedAt);
  const poll = isLive(cluster) ? POLL_MS : false;
  const bill = useBill(id, poll);
  const me = useMe();
  const change = (next: Partial<CodeSearch>, replace = false) =>
    navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false, replace });
  return (
    <>
      <title>{`Code of ${cluster.name} · Lineitem`}</title>
      <div className="top">
        <div className="grow">
          <h1>
            Code of {cluster.name} <StatusPill status={cluster.status} />
          </h1>
          <p className="sub">
            {loaded ? RULE : WORDS[cluster.method]}
            {poll !== false && bill.data && `; as of ${moment(bill.data.as_of, clock, true)}`}
          </p>
        </div>
        <Link className="btn small" to="/clusters/$clusterId" params={{ clusterId: id }}>
          Cluster page
        </Link>
        <Segments
          legend="Idle and overhead"
          name="loaded"
          value={loaded ? "loaded" : "apart"}
          options={LOADED_OPTIONS}
          onChange={(next) => change({ loaded: next === "loaded" ? "yes" : undefined })}
        />
        <FilterField
          slash
          label="Find a file, function, line or operation"
          placeholder="Find in the bill  /"
          value={q}
          onChange={(next) => change({ q: next || undefined }, true)}
        />
      </div>
      <div className="content">
        {query.isError && (
          <Failure
            error={query.error}
            what="The cluster"
            since={moment(clock.now.toISOString(), clock, true)}
            onRetry={() => query.refetch()}
          />
        )}
        <Part query={bill} title="The money" what="The bill">
          {(data) =>
            data.total_nanos > 0 ? (
              <Money id={id} cluster={cluster} bill={data} clock={clock} poll={poll} change={change} />
            ) : (
              <Card title="The money">
                <Empty title="Nothing has cost anything yet.">
                  <p className="mute">The picture appears with the first second that a process runs.</p>
                </Empty>
              </Card>
            )
          }
        </Part>
        {me.data && (
          <Colophon me={me.data}>
            <span>Lines + idle + overhead + lost + unknown = the total, to the billionth</span>
            {bill.data && bill.data.capacity_seconds > 0 && (
              <span>{percent(bill.data.coverage_seconds / bill.data.capacity_seconds)} of worker time observed</span>
            )}
          </Colophon>
        )}
      </div>
    </>
  );
}

interface MoneyProps {
  id: string;
  cluster: Cluster;
  bill: Bill;
  clock: ReturnType<typeof useClock>;
  poll: number | false;
  change: (next: Partial<CodeSearch>, replace?: boolean) => void;
}

/** All that a bill of something has to show. */
function Money({ id, cluster, bill, clock, poll, change }: MoneyProps) {
  const { file, line, op, zoom, loaded, q = "", against, paint } = route.useSearch();
  const [how, setHow] = useState<How>();
  // What is looked at from outside has no origins to show.
  const by = bill.method === "sampled" ? "line" : "origin";
  const names = useMemo(() => filesNamed(bill, undefined, undefined), [bill]);
  const own = useMemo(() => ({ lines: viewOf(bill, by), operations: viewOf(bill, "operation") }), [bill, by]);
  const carrying = useMemo(() => {
    if (!loaded) return undefined;
    const heavier = loadedBill(bill);
    return { lines: viewOf(heavier, by), operations: viewOf(heavier, "operation") };
  }, [bill, by, loaded]);
  const shown = carrying ?? own;
  const root = useMemo(() => treeOf(own.lines, names, cluster.name), [own, names, cluster.name]);

  const files = filesOf(own.lines);
  const here = file !== undefined && names.has(file) ? file : files[0]?.file;
  const costs = gutter(own.lines, here ?? "");
  const row = line === undefined ? undefined : costs.get(line);
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
  const recent = useRecentClusters();
  const others = useMemo(() => comparable(cluster, recent.data?.items ?? []), [cluster, recent.data]);
  const other = useBillIf(against === id ? undefined : against);
  const both = useMemo(() => {
    const comparison = other.data && other.data.currency === bill.currency ? viewOf(other.data, by) : undefined;
    return comparison && costsIn(treeOf(aligned(own.lines, comparison), names, cluster.name));
  }, [other.data, bill.currency, by, own, names, cluster.name]);
  const compare = () => change({ against: against ? undefined : earlier(cluster, others)?.id });
  const up = () => {
    const path = zoom === undefined ? undefined : pathTo(root, zoom);
    if (path) onZoom(path.at(-2) ?? root);
  };
  useLetters({ n: () => turn(1), p: () => turn(-1), d: compare, Escape: up });

  return (
    <>
      <FlameCard
        root={root}
        title={`${cluster.name}, ${money(own.lines.total, own.lines.currency, own.lines.decimals)}`}
        currency={own.lines.currency}
        decimals={own.lines.decimals}
        zoom={zoom}
        chosen={chosen}
        search={q}
        loaded={loaded === "yes"}
        change={
          both && {
            both,
            against: others.find(({ id: candidate }) => candidate === against)?.name ?? "the other cluster",
            painted: paint === "change",
            onPaint: (painted) => change({ paint: painted ? "change" : undefined }),
          }
        }
        onZoom={onZoom}
        onSearch={(text) => change({ q: text || undefined }, true)}
      />
      <div className="cols">
        <div className="w7 stack">
          <SourceCard
            id={id}
            view={shown.lines}
            own={carrying && own.lines}
            names={names}
            selected={{ file, line }}
            poll={poll}
            from="/clusters/$clusterId/code"
            foot="n and p lead to the next and the previous line that costs money."
            onSelect={(nextFile, nextLine) => change({ file: nextFile, line: nextLine, op: undefined })}
          />
          <ChangeCard
            bill={bill}
            view={own.lines}
            names={names}
            against={against}
            others={others}
            clock={clock}
            onAgainst={(next) => change({ against: next })}
            onToggle={compare}
          />
        </div>
        <div className="w5 stack">
          {row && (
            <LineCard
              view={own.lines}
              row={row}
              names={names}
              loaded={carrying && gutter(carrying.lines, here ?? "").get(line ?? 0)?.shown}
              onHow={() => setHow("line")}
            />
          )}
          <KindsCard
            view={shown.operations}
            own={carrying && own.operations}
            names={names}
            chosen={op}
            from="/clusters/$clusterId/code"
            onHow={() => setHow("bill")}
          />
        </div>
      </div>
      {how && (
        <HowDialog
          about={how}
          cluster={cluster}
          bill={bill}
          view={own.lines}
          submissions={undefined}
          clock={clock}
          onClose={() => setHow(undefined)}
        />
      )}
    </>
  );
}
