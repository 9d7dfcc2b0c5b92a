import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { noOverview, overview } from "../../tests/data";

const card = (name: string) => within(screen.getByRole("region", { name }));

async function loaded() {
  await screen.findByRole("region", { name: "The period in figures" });
}

describe("the overview", () => {
  it("has a frame with moving stand-ins while it loads", async () => {
    open("/", { ...usual(), "GET /overview": "never" });
    expect(await screen.findByText("Loading the overview")).toBeTruthy();
    expect(screen.getByRole("heading", { level: 1, name: "Overview" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "Overview" }).getAttribute("aria-current")).toBe("page");
  });

  it("says what was spent, what is expected and what brought nothing", async () => {
    open("/", usual());
    await loaded();
    const figures = card("The period in figures");
    expect(figures.getByText("Spent, 1–19 Nov")).toBeTruthy();
    expect(figures.getByRole("button", { name: "$29,417" })).toBeTruthy();
    expect(figures.getByText(/\+9.% against 1–19 Oct/)).toBeTruthy();
    expect(figures.getByRole("button", { name: "$46,700" })).toBeTruthy();
    expect(figures.getByText("4 in 5: $44,900–$48,900")).toBeTruthy();
    expect(screen.getByRole("img", { name: /expected at the end \$46,700, four times out of five/ })).toBeTruthy();
    expect(screen.getByText("Fjordlight", { selector: ".sub" })).toBeTruthy();
  });

  it("splits the money so that the column adds up", async () => {
    open("/", usual());
    await loaded();
    const rows = card("Where the money went").getAllByRole("row");
    const amounts = rows
      .filter((row) => !row.className.includes("mute"))
      .map((row) => Number((row.children[1]?.textContent ?? "").replace(/[$,]/g, "")));
    const total = amounts.pop();
    expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBe(total);
    expect(card("Where the money went").getByText("nothing submitted")).toBeTruthy();
  });

  it("says who can mend what is wasted, and what was unusual", async () => {
    open("/", usual());
    await loaded();
    const [first] = card("Waste, and who can mend it").getAllByRole("listitem");
    expect(first?.textContent).toContain("Idle, nothing submitted");
    expect(first?.textContent).toContain("For its owners: ana $2,206 and 2 others.");
    expect(card("Unusual days").getByText(/ben spent \$900 on Wed 18 Nov/)).toBeTruthy();
    expect(card("Unusual days").getByRole("button", { name: "+$780" })).toBeTruthy();
  });

  it("leads from the dearest line to its source", async () => {
    const page = open("/", usual());
    await loaded();
    const link = card("Most expensive lines").getByRole("link", { name: "load.py:14" });
    expect(link.getAttribute("href")).toBe("/clusters/c1/code?file=%2Fhome%2Fana%2Fload.py&line=14");
    expect(card("Most expensive lines").getByText(/dd\.read_csv/)).toBeTruthy();
    await userEvent.click(link);
    expect(page.address()).toContain("/clusters/c1/code");
  });

  it("leads from who paid and from what changed to what it was spent on, in the same days", async () => {
    open("/", usual());
    await loaded();
    const address = (name: string, of: string) => {
      const url = new URL(card(of).getByRole("link", { name }).getAttribute("href") ?? "", "http://x");
      return [url.pathname, Object.fromEntries(url.searchParams)];
    };
    const days = { from: "2026-11-01", to: "2026-11-19" };
    expect(address("ana", "By user and day")).toEqual(["/explore", { ...days, by: "name", where: "user=ana" }]);
    expect(address("No user", "By user and day")).toEqual(["/explore", { ...days, by: "name", where: "user=" }]);
    expect(card("By user and day").queryByRole("link", { name: /others?$/ })).toBeNull();
    await userEvent.click(screen.getByRole("radio", { name: "Lines" }));
    expect(address("load.py:14", "What changed")).toEqual([
      "/code",
      { ...days, file: "/home/ana/load.py", line: "14" },
    ]);
  });

  it("opens how a figure came about, with the questions behind it", async () => {
    open("/", usual());
    await loaded();
    await userEvent.click(card("The period in figures").getByRole("button", { name: "$46,700" }));
    const dialog = within(screen.getByRole("dialog"));
    expect(dialog.getByText(/half-life of ten days/)).toBeTruthy();
    expect(dialog.getByText(/Learnt from 84 whole days/)).toBeTruthy();
    const link = dialog.getByRole("link", { name: "spend by day, and the forecast" });
    expect(link.getAttribute("href")).toBe("/api/v1/cost/breakdown?by=day");
    expect(dialog.getByText(/103 rows of 5,000 clusters, together \$120,000\.000000000/)).toBeTruthy();
    await userEvent.click(dialog.getByRole("button", { name: "Close" }));
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("keeps the period and what is compared in the address", async () => {
    const page = open("/?month=2026-10", usual());
    await loaded();
    expect(
      page.server.asked.some(({ request, query }) => request === "GET /overview" && query === "month=2026-10"),
    ).toBe(true);
    await userEvent.click(screen.getByRole("radio", { name: "Lines" }));
    expect(page.address()).toBe("/?month=2026-10&movers=line");
    expect(await card("What changed").findByText("load.py:14")).toBeTruthy();
    await userEvent.selectOptions(screen.getByLabelText("Period"), "30");
    expect(page.address()).toBe("/?movers=line&days=30");
    const asked = page.server.asked.filter(({ request }) => request === "GET /overview");
    expect(asked.at(-1)?.query).toMatch(/since=.*&until=/);
    expect(screen.queryByRole("button", { name: "The month before" })).toBeNull();
  });

  it("gives a user what is theirs, and says so", async () => {
    open("/", { ...usual(), "GET /overview": { body: overview({ whole: false }) } });
    await loaded();
    expect(screen.getByText("What your clusters cost")).toBeTruthy();
  });

  it("says why there is no forecast", async () => {
    const { forecast: _, ...rest } = overview({ no_forecast: "A forecast needs 14 whole days; there are 3 so far." });
    open("/", { ...usual(), "GET /overview": { body: rest } });
    await loaded();
    expect(screen.getAllByText("A forecast needs 14 whole days; there are 3 so far.").length).toBeGreaterThan(0);
    expect(screen.getByRole("img", { name: /29,417 so far\.$/ })).toBeTruthy();
  });

  it("tells what to run on a server that has seen nothing", async () => {
    open("/", { ...usual(), "GET /overview": { body: noOverview() } });
    expect(await screen.findByText("No cluster has reported yet.")).toBeTruthy();
    expect(screen.queryByRole("region", { name: "The period in figures" })).toBeNull();
  });

  it("gives the server's sentence for a failure and asks again on demand", async () => {
    const answers = usual();
    answers["GET /overview"] = { status: 500, body: error("internal", "The database is full; nothing was changed.") };
    const page = open("/", answers);
    expect((await screen.findByRole("alert")).textContent).toContain("The database is full; nothing was changed.");
    page.server.answers["GET /overview"] = { body: overview() };
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await loaded();
  });
});
