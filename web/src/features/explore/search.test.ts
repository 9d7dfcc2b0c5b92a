import { describe, expect, it } from "vitest";
import { DIMENSIONS, type Dimension } from "#/features/explore/dimensions";
import { crumbs, drill, nextDimension, regrouped } from "#/features/explore/drill";
import { exploreSearch, type Filter, filterText, readFilters, writeFilters } from "#/features/explore/search";

/** A source of numbers that is the same each time. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

const LETTERS = [..."abc,;\\=*&# é/:\n"];

describe("filters in the address", () => {
  it("are read as they were written, whatever their values hold", () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      const next = numbers(seed);
      const filters = Array.from({ length: 1 + next(3) }, (): Filter => {
        const values = Array.from({ length: 1 + next(3) }, () =>
          Array.from({ length: next(6) }, () => LETTERS[next(LETTERS.length)] ?? "").join(""),
        );
        return { dimension: DIMENSIONS[next(DIMENSIONS.length)] ?? "user", values };
      });
      expect(readFilters(writeFilters(filters))).toEqual(filters);
      // And once more through an address.
      const address = new URLSearchParams({ where: writeFilters(filters) }).toString();
      const where = Object.fromEntries(new URLSearchParams(address)).where;
      expect(readFilters(exploreSearch({ where }).where)).toEqual(filters);
    }
  });

  it("leave out what names nothing", () => {
    expect(readFilters("colour=red;user=ana;=x;user;operation=")).toEqual([
      { dimension: "user", values: ["ana"] },
      { dimension: "operation", values: [""] },
    ]);
    expect(readFilters(undefined)).toEqual([]);
  });

  it("are text that the server reads", () => {
    expect(filterText({ dimension: "file", values: ["/a,b;c.py", "C:\\jobs\\x.py"] })).toBe(
      "file=/a\\,b;c.py,C:\\jobs\\x.py",
    );
  });
});

describe("the address of the explorer", () => {
  it("holds only what is understood", () => {
    const wrong = { by: "user,colour,user,line,day", view: "pie", step: "user", sort: "name", page: "0", all: "no" };
    expect(exploreSearch({ ...wrong, from: "2026-01-01", to: "soon", period: "century" })).toEqual({
      by: "user,line,day",
      where: undefined,
      view: undefined,
      step: undefined,
      sort: undefined,
      q: undefined,
      page: undefined,
      all: undefined,
      period: undefined,
      from: undefined,
      to: undefined,
    });
    const right = { by: "user", view: "time", step: "week", sort: "-key1", page: 3, all: "yes", period: "90d", q: "x" };
    expect(exploreSearch(right)).toMatchObject(right);
  });
});

describe("the way down", () => {
  it("leads from users to a line, and says where it ends", () => {
    const seen: string[] = [];
    let search = exploreSearch({});
    let by: readonly Dimension[] = ["user"];
    for (let step = 0; step < 10; step += 1) {
      seen.push(by.join());
      const next = drill(search, by, ["x"]);
      if (!next) break;
      search = next;
      by = [(next.by ?? "user") as Dimension];
    }
    expect(seen).toEqual(["user", "name", "operation", "file", "line"]);
    expect(crumbs({ ...search }).map(({ filter }) => filter?.dimension)).toEqual([
      undefined,
      "user",
      "name",
      "operation",
      "file",
    ]);
    // Each step back shows what the next filter was chosen from.
    expect(crumbs(search).map(({ search: at }) => at.by ?? "user")).toEqual([
      "user",
      "name",
      "operation",
      "file",
      "line",
    ]);
    expect(crumbs(search)[1]?.search.where).toBe("user=x");
  });

  it("goes from money that did no work to whom and when, never to code", () => {
    const next = (...filters: Filter[]) => nextDimension(filters);
    expect(next({ dimension: "operation", values: ["idle.no_work"] })).toBe("user");
    expect(next({ dimension: "category", values: ["unknown"] }, { dimension: "user", values: ["ana"] })).toBe("name");
    expect(
      next(
        { dimension: "user", values: ["ana"] },
        { dimension: "name", values: ["a"] },
        { dimension: "operation", values: ["overhead.dask"] },
      ),
    ).toBe("day");
    expect(next({ dimension: "line", values: ["/a.py:3"] })).toBeUndefined();
    expect(next({ dimension: "month", values: ["2026-11"] })).toBe("user");
    expect(next({ dimension: "group", values: ["/research"] })).toBe("user");
    // Several values are still told apart.
    expect(next({ dimension: "user", values: ["ana", "ben"] })).toBe("user");
    expect(next({ dimension: "operation", values: ["read.*"] })).toBe("user");
  });

  it("keeps the period, and lets go of what belonged to the level above", () => {
    const search = exploreSearch({ period: "90d", by: "user", q: "x", page: 2, sort: "cost", where: "kind=work" });
    expect(drill(search, ["user"], ["ana"])).toEqual({
      period: "90d",
      from: undefined,
      to: undefined,
      all: undefined,
      by: "name",
      where: "kind=work;user=ana",
    });
    expect(regrouped(search, ["user", "day"])).toMatchObject({ by: "user,day", q: undefined, page: undefined });
  });
});
