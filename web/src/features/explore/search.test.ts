import { describe, expect, it } from "vitest";
import type { Group, Me } from "#/api/schema";
import { DIMENSIONS } from "#/features/explore/dimensions";
import { crumbs, drill, nextDimension, regrouped, type Start, startOf } from "#/features/explore/drill";
import {
  byOf,
  type ExploreSearch,
  exploreSearch,
  type Filter,
  filterText,
  readFilters,
  writeFilters,
} from "#/features/explore/search";
import { me } from "../../../tests/data";

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

const person = (role: Me["user"]["role"], groups: Me["groups"] = []): Me => ({
  ...me,
  user: { id: "u7", name: "ana", role },
  groups,
});

const tree = ["/lab", "/lab/a", "/shop"].map(
  (path): Group => ({
    id: path,
    name: path.slice(path.lastIndexOf("/") + 1),
    parent_id: path.slice(0, path.lastIndexOf("/")),
    path,
    created_at: "2026-11-19T09:50:00Z",
    n_members: 1,
    role: "",
    pays: false,
  }),
);

/** The tree as somebody sees it who leads some of it. */
const led = (...paths: string[]): Group[] =>
  tree.map((group) => (paths.includes(group.path) ? { ...group, role: "lead" } : group));

const lead = person("user", [{ id: "/lab", path: "/lab", role: "lead", pays: true }]);

describe("where the way down begins", () => {
  it("is with groups for who sees several, with users for who sees one, else with one's own clusters", () => {
    expect(startOf(person("admin"), tree)).toBe("group");
    expect(startOf(person("admin"), tree.slice(0, 1))).toBe("user");
    expect(startOf(person("admin"), [])).toBe("user");
    expect(startOf(lead, led("/lab"))).toBe("group");
    expect(startOf(lead, led("/lab/a"))).toBe("user");
    // Groups that only pay for somebody show them nothing of others.
    const member = person(
      "user",
      tree.map(({ id, path }) => ({ id, path, role: "member", pays: false })),
    );
    expect(
      startOf(
        member,
        tree.map((group) => ({ ...group, role: "member" })),
      ),
    ).toBe("name");
    expect(startOf(person("user"), [])).toBe("name");
  });

  it("waits for the groups only where they matter", () => {
    expect(startOf(person("admin"), undefined)).toBeUndefined();
    expect(startOf(lead, undefined)).toBeUndefined();
    expect(startOf(person("user"), undefined)).toBe("name");
  });
});

/** What stands above each table when the first value is followed each time, and the last address. */
function followed(start: Start): { seen: string[]; search: ExploreSearch } {
  const seen: string[] = [];
  let search: ExploreSearch = { ...exploreSearch({}), by: start };
  for (let step = 0; step < DIMENSIONS.length; step += 1) {
    const by = byOf(search.by);
    seen.push(by.join());
    const next = drill(search, by, ["x"], start);
    if (!next) break;
    search = next;
  }
  return { seen, search };
}

describe("the way down", () => {
  it.each([
    ["group", ["group", "user", "name", "operation", "file", "line"]],
    ["user", ["user", "name", "operation", "file", "line"]],
    ["name", ["name", "operation", "file", "line"]],
  ] as const)("leads from %ss to a line, and each step leads back", (start, way) => {
    const { seen, search } = followed(start);
    expect(seen).toEqual(way);
    const back = crumbs(search);
    expect(back.map(({ filter }) => filter?.dimension)).toEqual([undefined, ...way.slice(0, -1)]);
    // Each step back shows what the next filter was chosen from.
    expect(back.map(({ search: at }) => at.by)).toEqual(way);
    expect(back[1]?.search.where).toBe(`${start}=x`);
  });

  it("goes from money that did no work to whom and when, never to code", () => {
    const next = (...filters: Filter[]) => nextDimension(filters, "user");
    expect(next({ dimension: "operation", values: ["idle.no_work"] })).toBe("user");
    expect(nextDimension([{ dimension: "operation", values: ["idle.no_work"] }], "group")).toBe("group");
    expect(nextDimension([{ dimension: "operation", values: ["idle.no_work"] }], "name")).toBe("name");
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
    expect(nextDimension([{ dimension: "month", values: ["2026-11"] }], "name")).toBe("name");
    expect(next({ dimension: "group", values: ["/research"] })).toBe("user");
    // Several values are still told apart.
    expect(next({ dimension: "user", values: ["ana", "ben"] })).toBe("user");
    expect(next({ dimension: "operation", values: ["read.*"] })).toBe("user");
  });

  it("keeps the period, and lets go of what belonged to the level above", () => {
    const search = exploreSearch({ period: "90d", by: "user", q: "x", page: 2, sort: "cost", where: "kind=work" });
    expect(drill(search, ["user"], ["ana"], "user")).toEqual({
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
