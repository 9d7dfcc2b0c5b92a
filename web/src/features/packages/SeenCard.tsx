import { Link } from "@tanstack/react-router";
import type { PackageList } from "#/api/schema";
import { keyOfUse } from "#/features/packages/list";
import { decimalsFor, rounded } from "#/lib/money";
import { Card } from "#/ui/Card";

/** Packages named here; the rest is on a page of its own. */
const FIRST_ROWS = 8;
const DIGITS = 3;

/** The packages whose code was found running in a cluster, dearest first. */
export function SeenCard(props: { list: PackageList; clusterId: string; sampled: boolean }) {
  const { list, clusterId, sampled } = props;
  const seen = [...list.items].sort((a, b) => b.cost_nanos - a.cost_nanos || a.name.localeCompare(b.name));
  const decimals = decimalsFor(seen[0]?.cost_nanos ?? 0, DIGITS);
  const amount = (nanos: number) => rounded(nanos, list.currency, decimals);
  const environments = [...new Set(seen.map((use) => use.environment))];
  return (
    <Card
      title="Packages in use"
      actions={
        <span className="acts small">
          {environments.length === 1 && environments[0] && (
            <Link to="/environments/$environmentId" params={{ environmentId: environments[0] }}>
              Environment
            </Link>
          )}
          <Link to="/packages" search={{ cluster: clusterId }}>
            All packages
          </Link>
        </span>
      }
    >
      {seen.length === 0 ? (
        <p className="mute">
          {sampled
            ? "Which packages are installed cannot be seen from outside."
            : "No package's code has been found running yet."}
        </p>
      ) : (
        <>
          <table>
            <caption className="vh">Packages whose code ran, dearest first</caption>
            <tbody>
              {seen.slice(0, FIRST_ROWS).map((use) => (
                <tr key={keyOfUse(use)}>
                  <td className="mono">{use.name}</td>
                  <td className="n mono">{use.version}</td>
                  <td className="n">{amount(use.cost_nanos)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="mute small after">
            Cost of thread time with the package's code on the stack: one moment may count for several.
          </p>
        </>
      )}
    </Card>
  );
}
