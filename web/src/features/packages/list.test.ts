import { describe, expect, it } from "vitest";
import { matchingPackages, orderedUses, packagesCsv, sumsOf, usesCsv } from "#/features/packages/list";
import { environment, packages, use } from "../../../tests/data";

const versions = (uses: { version: string }[]) => uses.map((entry) => entry.version);

describe("uses of packages", () => {
  it("sort by versions as numbers, by grade, and by cost", () => {
    const uses = [use("a", "1.9"), use("a", "1.10"), use("a", "1.2", { grade: "installed", cost_nanos: 0 })];
    expect(versions(orderedUses(uses, "version"))).toEqual(["1.2", "1.9", "1.10"]);
    expect(versions(orderedUses(uses, "-version"))).toEqual(["1.10", "1.9", "1.2"]);
    expect(versions(orderedUses(uses, "grade"))[0]).toBe("1.2");
    expect(versions(orderedUses(uses, "-cost")).at(-1)).toBe("1.2");
  });

  it("are counted for a sentence", () => {
    expect(sumsOf(packages.items)).toEqual({
      clusters: 2,
      owners: 2,
      versions: 2,
      nanos: 9_000_000,
      last: "2026-11-19T09:55:00Z",
    });
    expect(sumsOf([]).last).toBeUndefined();
  });

  it("export with exact amounts", () => {
    const [header, first] = usesCsv(packages.items, "USD").split("\r\n");
    expect(header).toContain("cost_USD,cluster_cost_USD");
    expect(first).toMatch(/^xgboost,1\.7\.6,seen,backtest,c1,Ruth Adeyemi,client worker,3\.11\.7,e+,.*,0\.009,0\.018$/);
  });
});

describe("packages of an environment", () => {
  it("are found by name, version and who installed them, and stand by name", () => {
    const names = (filter: string) => matchingPackages(environment.packages, filter).map((entry) => entry.name);
    expect(names("")).toEqual(["pandas", "xgboost"]);
    expect(names("1.7 PIP")).toEqual(["xgboost"]);
    expect(names("conda")).toEqual(["pandas"]);
    expect(names("p")).toEqual(["pandas"]);
    expect(names("none")).toEqual([]);
    expect(packagesCsv(matchingPackages(environment.packages, "conda"))).toBe(
      "package,version,manager\r\npandas,3.1.1,conda\r\n",
    );
  });
});
