import { describe, expect, it } from "vitest";
import type { Group } from "#/api/schema";
import { depth, inOrder, places } from "./tree";

function group(path: string): Group {
  return {
    id: path,
    name: path.slice(path.lastIndexOf("/") + 1),
    parent_id: path.slice(0, path.lastIndexOf("/")),
    path,
    created_at: "2026-11-19T09:50:00Z",
    n_members: 0,
    role: "",
    pays: false,
  };
}

const all = ["/lab", "/lab/a", "/lab-b", "/lab/a/x", "/labs/a"].map(group);

describe("the tree of groups", () => {
  it("is read from the top, each group above those below it", () => {
    expect(inOrder(all).map(({ path }) => path)).toEqual(["/lab", "/lab/a", "/lab/a/x", "/lab-b", "/labs/a"]);
  });

  it("indents by what is shown above, so that a branch starts at the margin", () => {
    expect(all.map((each) => depth(each, all))).toEqual([0, 1, 0, 2, 0]);
  });

  it("never offers a group a place below itself", () => {
    expect(places(group("/lab"), all).map(({ path }) => path)).toEqual(["/lab-b", "/labs/a"]);
    expect(places(group("/lab/a/x"), all)).toHaveLength(4);
  });
});
