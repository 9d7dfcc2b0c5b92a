import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { cluster } from "../../tests/data";

const three = {
  body: {
    items: [
      cluster({ id: "c1", name: "backtest", cost_nanos: 5_000_000_000 }),
      cluster({ id: "c2", name: "features", cost_nanos: 9_000_000_000 }),
      cluster({
        id: "c3",
        name: "trial",
        status: "failed",
        reason: "The scheduler ended with exit code 1.",
        cost_nanos: 0,
      }),
    ],
    next_cursor: "",
  },
};

const names = () =>
  within(screen.getByRole("table", { name: "Clusters" }))
    .getAllByRole("link")
    .map((link) => link.textContent);

describe("clusters", () => {
  it("has a frame with moving stand-ins while it loads", async () => {
    open("/clusters", { ...usual(), "GET /clusters": "never" });
    expect(await screen.findByText("Loading clusters")).toBeTruthy();
    expect(screen.getByRole("heading", { level: 1, name: "Clusters" })).toBeTruthy();
  });

  it("tells what to run on a server that has none", async () => {
    open("/clusters", { ...usual(), "GET /clusters": { body: { items: [], next_cursor: "" } } });
    expect(await screen.findByText("No cluster has reported yet.")).toBeTruthy();
    expect(screen.getByText(/from lineitem import Cluster/)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Copy" })).toBeTruthy();
    expect(screen.getByText("No cluster runs now.")).toBeTruthy();
  });

  it("gives the server's sentence for a failure and asks again on demand", async () => {
    const answers = usual();
    answers["GET /clusters"] = { status: 500, body: error("internal", "The database is full; nothing was changed.") };
    const page = open("/clusters", answers);
    expect((await screen.findByRole("alert")).textContent).toContain("The database is full; nothing was changed.");
    page.server.answers["GET /clusters"] = three;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("link", { name: "trial" })).toBeTruthy();
  });

  it("keeps old rows while the server is away, and says how old", async () => {
    const page = open("/clusters", { ...usual(), "GET /clusters": three });
    await screen.findByRole("link", { name: "features" });
    page.server.answers["GET /clusters"] = "away";
    expect(await screen.findByText(/The server does not answer.*Figures are as of/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "features" })).toBeTruthy();
  });

  it("filters as one types and keeps the filter in the address", async () => {
    const page = open("/clusters", { ...usual(), "GET /clusters": three });
    await screen.findByRole("link", { name: "features" });
    await userEvent.keyboard("/");
    const field = screen.getByRole("searchbox");
    expect(document.activeElement).toBe(field);
    await userEvent.keyboard("feat");
    expect(names()).toEqual(["features"]);
    expect(page.address()).toBe("/clusters?q=feat");
    await userEvent.keyboard("zzz");
    expect(await screen.findByText("No cluster matches “featzzz”.")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Clear the filter" }));
    expect(names()).toHaveLength(3);
    expect((screen.getByRole("searchbox") as HTMLInputElement).value).toBe("");
  });

  it("sorts by a header, dearest first", async () => {
    const page = open("/clusters", { ...usual(), "GET /clusters": three });
    await screen.findByRole("link", { name: "features" });
    await userEvent.click(screen.getByRole("button", { name: /Cost so far/ }));
    expect(names()).toEqual(["features", "backtest", "trial"]);
    expect(page.address()).toBe("/clusters?sort=-cost");
    expect(screen.getByRole("columnheader", { name: /Cost so far/ }).getAttribute("aria-sort")).toBe("descending");
  });

  it("says what everything that runs costs an hour", async () => {
    const live = { body: { items: [cluster(), cluster({ id: "c2" })], next_cursor: "" } };
    open("/clusters", { ...usual(), "GET /clusters": live });
    expect(await screen.findByText("2 clusters running at $0.62/h")).toBeTruthy();
  });
});
