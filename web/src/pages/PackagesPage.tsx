import { getRouteApi } from "@tanstack/react-router";
import { useId } from "react";
import { ApiError } from "#/api/client";
import { useCluster } from "#/api/queries/clusters";
import { usePackages } from "#/api/queries/packages";
import { useMe } from "#/api/queries/session";
import type { PackageList } from "#/api/schema";
import type { Grade } from "#/features/packages/columns";
import { sumsOf, usesCsv } from "#/features/packages/list";
import { PackageTable } from "#/features/packages/PackageTable";
import type { PackageSearch } from "#/features/packages/search";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { count } from "#/lib/format";
import { money } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button, Segments } from "#/ui/controls";
import { DownloadButton } from "#/ui/DownloadButton";
import { FilterField } from "#/ui/FilterField";
import { useSettled } from "#/ui/settled";
import { Empty, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/packages");

/** What is still being typed is not asked for. */
const TYPING_MS = 300;

const GRADE_OPTIONS = [
  ["installed", "Installed"],
  ["imported", "Imported"],
  ["seen", "Seen running"],
] as const satisfies readonly (readonly [Grade, string])[];

/** Who has which package, which cluster, when last, and what it cost. */
export function PackagesPage() {
  const { name = "", version = "", grade = "installed", cluster, sort = "-cost" } = route.useSearch();
  const navigate = route.useNavigate();
  const typed = useSettled(`${name}\n${version}`, TYPING_MS).split("\n");
  const list = usePackages({
    name: typed[0]?.trim() || undefined,
    version: typed[1]?.trim() || undefined,
    grade,
    cluster,
  });
  const me = useMe();
  const clock = useClock(list.dataUpdatedAt || me.dataUpdatedAt);
  const versionError = useId();
  const nameError = useId();
  const refusal = refused(list.error, "version");
  const tooMany = refused(list.error, "name");
  const refusedInline = refusal ?? tooMany;
  const change = (next: Partial<PackageSearch>) => navigate({ search: (old) => ({ ...old, ...next }), replace: true });
  const asked = [name, version, grade === "installed" ? "" : grade].filter(Boolean).join(", ");
  return (
    <>
      <title>Packages · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>Packages</h1>
          <p className="sub">Which version runs where, who owns it, when it ran last, and what it cost</p>
        </div>
      </div>
      <div className="content">
        <Card title="Find a package">
          <div className="fields">
            <div className="above">
              <span>Name</span>
              <FilterField
                slash
                label="Name of the package"
                placeholder="xgboost  /"
                value={name}
                describedBy={tooMany ? nameError : undefined}
                invalid={tooMany !== undefined}
                onChange={(next) => change({ name: next || undefined })}
              />
            </div>
            <div className="above">
              <span>Version range</span>
              <FilterField
                label="Version range"
                placeholder="<2, >=1.7"
                value={version}
                describedBy={refusal ? versionError : undefined}
                invalid={refusal !== undefined}
                onChange={(next) => change({ version: next || undefined })}
              />
            </div>
            <Segments
              legend="The least that is known of its use"
              name="grade"
              value={grade}
              options={GRADE_OPTIONS}
              onChange={(next) => change({ grade: next === "installed" ? undefined : next })}
            />
            {cluster && <OnlyCluster id={cluster} onClear={() => change({ cluster: undefined })} />}
          </div>
          {refusedInline && (
            <p className="bad small after" id={refusal ? versionError : nameError} role="alert">
              {refusedInline}
            </p>
          )}
          <p className="mute small after">
            Installed is in the environment, imported was loaded by a process, seen running was found on a thread's
            stack. Each grade holds the ones after it.
          </p>
        </Card>
        <Card
          title="Where it is"
          aside={list.data && list.data.items.length > 0 ? count(list.data.items.length, "row") : undefined}
          actions={
            list.data &&
            list.data.items.length > 0 && (
              <DownloadButton
                name="packages.csv"
                label="Export CSV"
                text={() => usesCsv(list.data?.items ?? [], list.data?.currency ?? "")}
              />
            )
          }
        >
          {list.isPending && <SkeletonRows rows={6} what="the packages" />}
          {list.isError && refusedInline === undefined && (
            <Failure error={list.error} what="The packages" onRetry={() => list.refetch()} />
          )}
          {refusedInline !== undefined && <p className="mute">Nothing to show: see above.</p>}
          {list.data && list.data.items.length > 0 && (
            <>
              <Answer list={list.data} clock={clock} />
              <PackageTable
                list={list.data}
                order={sort}
                clock={clock}
                onOrder={(order) => change({ sort: order === "-cost" ? undefined : order })}
              />
            </>
          )}
          {list.data && list.data.items.length === 0 && !asked && (
            <Empty title="No package has been reported yet.">
              <p className="mute">A cluster sends the list of its software within a minute of its first worker.</p>
            </Empty>
          )}
          {list.data && list.data.items.length === 0 && asked && (
            <Empty title={`No package matches “${asked}”.`}>
              <Suggestions typed={name} query={{ grade, cluster }} onName={(next) => change({ name: next })} />
              <p className="acts">
                {grade !== "installed" && (
                  <Button small onClick={() => change({ grade: undefined })}>
                    Show installed ones too
                  </Button>
                )}
                <Button
                  small
                  onClick={() => change({ name: undefined, version: undefined, grade: undefined, cluster: undefined })}
                >
                  Clear all
                </Button>
              </p>
            </Empty>
          )}
          {list.data && list.data.skipped > 0 && (
            <p className="mute small after">
              {count(list.data.skipped, "version")} left out: they do not follow PEP 440 and cannot be compared with a
              range.
            </p>
          )}
        </Card>
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}

/** The answer as a sentence, before the table. */
function Answer({ list, clock }: { list: PackageList; clock: Clock }) {
  const sums = sumsOf(list.items);
  const names = new Set(list.items.map((use) => use.name));
  const what = names.size === 1 ? (list.items[0]?.name ?? "") : count(names.size, "package");
  return (
    <p className="answer">
      <span className="strong">{what}</span>, {count(sums.versions, "version")}, in {count(sums.clusters, "cluster")} of{" "}
      {count(sums.owners, "owner")}; last {moment(sums.last, clock)}
      {names.size === 1 && sums.nanos > 0 && `; its code ran for ${money(sums.nanos, list.currency)}`}.
    </p>
  );
}

/** Suggestions shown at most. */
const FIRST_NAMES = 8;

/** Names that hold what was typed, where nothing is named just so; asked for only then. */
function Suggestions(props: { typed: string; query: PackageSearch; onName: (name: string) => void }) {
  const wanted = props.typed.trim().toLowerCase();
  const all = usePackages(props.query, { enabled: wanted !== "" });
  const names = [...new Set(all.data?.items.map((use) => use.name) ?? [])].filter((name) => name.includes(wanted));
  if (wanted === "" || names.length === 0 || names.includes(wanted)) return null;
  return (
    <p className="acts">
      <span className="mute">Names that hold it:</span>
      {names.slice(0, FIRST_NAMES).map((name) => (
        <Button key={name} small onClick={() => props.onName(name)}>
          {name}
        </Button>
      ))}
    </p>
  );
}

/** Says that only one cluster is asked about, and lets go of it. */
function OnlyCluster({ id, onClear }: { id: string; onClear: () => void }) {
  const cluster = useCluster(id);
  return (
    <span className="acts">
      <span className="tag">only {cluster.data?.name ?? id}</span>
      <Button small onClick={onClear}>
        All clusters
      </Button>
    </span>
  );
}

/** The server's sentence about one of the inputs; undefined where it had none. */
function refused(error: unknown, field: string): string | undefined {
  if (!(error instanceof ApiError) || error.status !== 422) return undefined;
  const about = error.fields.find((entry) => entry.name.endsWith(field));
  return about?.message;
}
