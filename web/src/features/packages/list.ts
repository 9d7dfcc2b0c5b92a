import type { EnvironmentPackage, PackageUse } from "#/api/schema";
import { GRADES, type Grade, type PackageColumn } from "#/features/packages/columns";
import { csv } from "#/lib/csv";
import { NANOS } from "#/lib/money";
import type { Order } from "#/ui/SortHeader";

/** What each grade means, in the words of the table. */
export const GRADE_WORDS: Record<Grade, string> = {
  installed: "installed",
  imported: "imported",
  seen: "seen running",
};

// Versions sort by their numbers: 1.10 after 1.9.
const collator = new Intl.Collator("en", { numeric: true });

const COMPARE: Record<PackageColumn, (a: PackageUse, b: PackageUse) => number> = {
  name: (a, b) => a.name.localeCompare(b.name),
  version: (a, b) => collator.compare(a.version, b.version),
  grade: (a, b) => GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade),
  cluster: (a, b) => a.cluster_name.localeCompare(b.cluster_name),
  owner: (a, b) => a.owner.localeCompare(b.owner),
  last: (a, b) => new Date(a.last_at).getTime() - new Date(b.last_at).getTime(),
  cost: (a, b) => a.cost_nanos - b.cost_nanos,
};

/** Uses in the order of a column; equal ones by name, version and cluster, so that the order never jumps. */
export function orderedUses(uses: readonly PackageUse[], order: Order<PackageColumn>): PackageUse[] {
  const down = order.startsWith("-");
  const compare = COMPARE[(down ? order.slice(1) : order) as PackageColumn];
  return [...uses].sort(
    (a, b) =>
      (down ? -compare(a, b) : compare(a, b)) ||
      COMPARE.name(a, b) ||
      COMPARE.version(a, b) ||
      a.cluster_id.localeCompare(b.cluster_id) ||
      a.environment.localeCompare(b.environment),
  );
}

/** The same use of the same package, whatever the order. */
export function keyOfUse(use: PackageUse): string {
  return `${use.cluster_id} ${use.environment} ${use.name} ${use.version}`;
}

/** What an answer holds, for the sentence above the table. */
export interface UseSums {
  clusters: number;
  owners: number;
  versions: number;
  nanos: number;
  last: string | undefined;
}

export function sumsOf(uses: readonly PackageUse[]): UseSums {
  const distinct = (pick: (use: PackageUse) => string) => new Set(uses.map(pick)).size;
  return {
    clusters: distinct((use) => use.cluster_id),
    owners: distinct((use) => use.owner),
    versions: distinct((use) => `${use.name} ${use.version}`),
    nanos: uses.reduce((sum, use) => sum + use.cost_nanos, 0),
    last: uses.reduce<string | undefined>((last, use) => (last && last > use.last_at ? last : use.last_at), undefined),
  };
}

/** An answer as CSV, with exact amounts. */
export function usesCsv(uses: readonly PackageUse[], currency: string): string {
  return csv(
    [
      "package",
      "version",
      "grade",
      "cluster",
      "cluster_id",
      "owner",
      "where",
      "python",
      "environment",
      "last_at",
      `cost_${currency}`,
      `cluster_cost_${currency}`,
    ],
    uses.map((use) => [
      use.name,
      use.version,
      use.grade,
      use.cluster_name,
      use.cluster_id,
      use.owner,
      use.where.join(" "),
      use.python,
      use.environment,
      use.last_at,
      use.cost_nanos / NANOS,
      use.cluster_cost_nanos / NANOS,
    ]),
  );
}

/** The packages of an environment that every word of the filter fits, by name: a part of name or version, or who installed it. */
export function matchingPackages(packages: readonly EnvironmentPackage[], filter: string): EnvironmentPackage[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return packages
    .filter(({ name, version, manager }) =>
      words.every((word) => word === manager || `${name} ${version}`.includes(word)),
    )
    .sort((a, b) => a.name.localeCompare(b.name));
}

export function packagesCsv(packages: readonly EnvironmentPackage[]): string {
  return csv(
    ["package", "version", "manager"],
    packages.map((entry) => [entry.name, entry.version, entry.manager]),
  );
}
