import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { cluster, me } from "../../tests/data";

const ana = { id: "u2", name: "ana", role: "user" };
const group = (id: string, path: string, more: object = {}) => ({
  id,
  path,
  name: path.slice(path.lastIndexOf("/") + 1),
  parent_id: "",
  created_at: "2026-11-19T09:50:00Z",
  n_members: 0,
  role: "",
  pays: false,
  ...more,
});
const tree = [group("g1", "/research"), group("g2", "/research/genomics", { parent_id: "g1", n_members: 1 })];

function admin() {
  return {
    ...usual(),
    "GET /groups": { body: { items: tree } },
    "GET /users": { body: { items: [me.user, ana] } },
    "GET /groups/g2/members": { body: { group: tree[1], items: [{ user: ana, role: "member", pays: true }] } },
  };
}

describe("groups", () => {
  it("lets an admin make the first one", async () => {
    const page = open("/groups", usual());
    await screen.findByText("There is no group yet.");
    page.server.answers["POST /groups"] = { status: 201, body: tree[0] };
    page.server.answers["GET /groups"] = { body: { items: [tree[0]] } };
    await userEvent.type(screen.getByLabelText("Name"), "research");
    await userEvent.click(screen.getByRole("button", { name: "Create group" }));
    expect(await within(await screen.findByRole("table", { name: "Groups" })).findByText("/research")).toBeTruthy();
    expect(page.server.asked.find(({ request }) => request === "POST /groups")?.body).toEqual({
      name: "research",
      parent: "",
    });
  });

  it("shows who is in a group, and lets an admin change it", async () => {
    const page = open("/groups", admin());
    await userEvent.click(await screen.findByRole("link", { name: "genomics" }));
    expect(page.address()).toBe("/groups?group=g2");
    const members = await screen.findByRole("table", { name: "Members of /research/genomics" });
    page.server.answers["PUT /groups/g2/members/u2"] = { body: { user: ana, role: "lead", pays: true } };
    await userEvent.selectOptions(within(members).getByLabelText("Role of ana"), "lead");
    expect(page.server.asked.find(({ request }) => request === "PUT /groups/g2/members/u2")?.body).toEqual({
      role: "lead",
    });
    page.server.answers["PUT /groups/g2/members/u1"] = { body: { user: me.user, role: "member", pays: true } };
    await userEvent.selectOptions(screen.getByLabelText("Add"), me.user.name);
    await userEvent.click(screen.getByRole("button", { name: "Add to the group" }));
    expect(page.server.asked.some(({ request }) => request === "PUT /groups/g2/members/u1")).toBe(true);
    page.server.answers["DELETE /groups/g2/members/u2"] = { status: 204 };
    await userEvent.click(await screen.findByRole("button", { name: "Remove ana" }));
    expect(page.server.asked.some(({ request }) => request === "DELETE /groups/g2/members/u2")).toBe(true);
  });

  it("says why a group cannot be moved, and offers no place below itself", async () => {
    const page = open("/groups?group=g1", {
      ...admin(),
      "GET /groups/g1/members": { body: { group: tree[0], items: [] } },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Rename, move or delete…" }));
    const dialog = await screen.findByRole("dialog", { name: "Change /research" });
    expect(within(dialog).queryByRole("option", { name: "/research/genomics" })).toBeNull();
    page.server.answers["DELETE /groups/g1"] = {
      status: 409,
      body: error("group_not_empty", "/research has groups below it; nothing was deleted."),
    };
    await userEvent.click(within(dialog).getByRole("button", { name: "Delete group" }));
    expect(await within(dialog).findByText(/has groups below it/)).toBeTruthy();
  });

  it("gives an admin the link of a new user", async () => {
    const page = open("/groups", usual());
    page.server.answers["POST /users"] = {
      status: 201,
      body: { user: ana, sign_in_url: "http://x/signin#code=lic_1" },
    };
    await userEvent.type(await screen.findByLabelText("User name"), "ana");
    await userEvent.click(screen.getByRole("button", { name: "Create user" }));
    expect(await screen.findByText("http://x/signin#code=lic_1")).toBeTruthy();
  });

  it("shows a lead the members of what they lead, and nothing to change", async () => {
    open("/groups?group=g2", {
      ...admin(),
      "GET /me": {
        body: { ...me, user: ana, groups: [{ id: "g1", path: "/research", role: "lead", pays: true }] },
      },
      "GET /groups": { body: { items: [group("g1", "/research", { role: "lead", pays: true }), tree[1]] } },
    });
    const members = await screen.findByRole("table", { name: "Members of /research/genomics" });
    expect(within(members).getByText("ana")).toBeTruthy();
    expect(within(members).queryByRole("button")).toBeNull();
    expect(screen.queryByRole("button", { name: "Create group" })).toBeNull();
    expect(screen.getByText("lead, it pays for you")).toBeTruthy();
  });

  it("stand in the list of clusters once there are any", async () => {
    const page = open("/clusters", usual());
    await screen.findByRole("table", { name: "Clusters" });
    expect(screen.queryByRole("button", { name: /Paid by/ })).toBeNull();
    page.unmount();
    open("/clusters", {
      ...usual(),
      "GET /clusters": { body: { items: [cluster({ group: "/research/genomics" })], next_cursor: "" } },
    });
    expect(await screen.findByText("/research/genomics")).toBeTruthy();
  });
});
