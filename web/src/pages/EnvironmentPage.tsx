import { getRouteApi, Link } from "@tanstack/react-router";
import { ApiError } from "#/api/client";
import { useEnvironment } from "#/api/queries/packages";
import { useMe } from "#/api/queries/session";
import type { Environment } from "#/api/schema";
import { matchingPackages, packagesCsv } from "#/features/packages/list";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { count } from "#/lib/format";
import { Card } from "#/ui/Card";
import { Button, CopyButton } from "#/ui/controls";
import { DownloadButton } from "#/ui/DownloadButton";
import { FilterField } from "#/ui/FilterField";
import { Empty, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/environments/$environmentId");

/** One set of installed software: what a process could have imported. */
export function EnvironmentPage() {
  const { environmentId: id } = route.useParams();
  const environment = useEnvironment(id);
  const me = useMe();
  const missing = environment.error instanceof ApiError && environment.error.status === 404;
  const { data } = environment;
  return (
    <>
      <title>Environment · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>{missing ? "No such environment" : `Environment ${id.slice(0, 12)}`}</h1>
          <p className="sub">{data ? [pythonOf(data), data.platform].filter(Boolean).join(", ") : "\u00a0"}</p>
        </div>
      </div>
      <div className="content">
        {data ? (
          <Loaded environment={data} />
        ) : (
          <Card title="Packages">
            {environment.isPending && <SkeletonRows rows={6} what="the environment" />}
            {missing && (
              <Empty title="There is no such environment, or it is not yours to see.">
                <p>
                  <Link to="/packages">All packages</Link>
                </p>
              </Empty>
            )}
            {environment.isError && !missing && (
              <Failure error={environment.error} what="The environment" onRetry={() => environment.refetch()} />
            )}
          </Card>
        )}
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}

function Loaded({ environment }: { environment: Environment }) {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { packages } = environment;
  const found = matchingPackages(packages, q);
  const filter = (next: string) => navigate({ search: { q: next || undefined }, replace: true });
  const details = Object.entries(environment.details).sort(([a], [b]) => a.localeCompare(b));
  return (
    <div className="cols">
      <div className="w8 stack">
        <Card
          title="Packages"
          aside={managers(environment)}
          actions={
            <>
              <FilterField slash label="Find a package" placeholder="Find a package  /" value={q} onChange={filter} />
              <DownloadButton
                name={`${environment.id.slice(0, 12)}.csv`}
                label="Export CSV"
                text={() => packagesCsv(found)}
              />
            </>
          }
        >
          {found.length === 0 ? (
            <Empty title={packages.length === 0 ? "Nothing is installed here." : `No package matches “${q}”.`}>
              {packages.length > 0 && (
                <Button small onClick={() => filter("")}>
                  Clear the filter
                </Button>
              )}
            </Empty>
          ) : (
            <table>
              <caption className="vh">Installed packages</caption>
              <thead>
                <tr>
                  <th scope="col">Package</th>
                  <th scope="col">Version</th>
                  <th scope="col">Installed by</th>
                </tr>
              </thead>
              <tbody>
                {found.map((entry) => (
                  <tr key={`${entry.name} ${entry.version} ${entry.manager}`}>
                    <td>
                      <Link className="mono" to="/packages" search={{ name: entry.name }}>
                        {entry.name}
                      </Link>
                    </td>
                    <td className="mono">{entry.version}</td>
                    <td className="mute">{entry.manager}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Card>
      </div>
      <div className="w4 stack first-narrow">
        <Card title="What it is">
          <dl className="kv">
            <dt>Python</dt>
            <dd>{pythonOf(environment) || "not known"}</dd>
            <dt>Platform</dt>
            <dd className="breaks">{environment.platform || "not known"}</dd>
            {details.map(([name, value]) => (
              <Detail key={name} name={name} value={value} />
            ))}
            <dt>Id</dt>
            <dd>
              <code className="breaks">{environment.id}</code> <CopyButton text={environment.id} />
            </dd>
          </dl>
          <p className="mute small after">The id is the SHA-256 of all this: equal environments have one id.</p>
        </Card>
      </div>
    </div>
  );
}

function Detail({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name.replaceAll("_", " ")}</dt>
      <dd className="breaks">{value}</dd>
    </>
  );
}

const pythonOf = (environment: Environment) =>
  [environment.implementation, environment.python].filter(Boolean).join(" ");

/** "212 packages: 200 pip, 12 conda". */
function managers(environment: Environment): string {
  const sums = new Map<string, number>();
  for (const { manager } of environment.packages) sums.set(manager, (sums.get(manager) ?? 0) + 1);
  const parts = [...sums].sort(([, a], [, b]) => b - a).map(([manager, n]) => `${n} ${manager}`);
  return `${count(environment.packages.length, "package")}${parts.length > 1 ? `: ${parts.join(", ")}` : ""}`;
}
