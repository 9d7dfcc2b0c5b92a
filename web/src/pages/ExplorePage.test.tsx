import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { me, spent } from "../../tests/data";

const row = (keys: string[], cost_nanos: number, thread_seconds = 60) => ({
  keys,
  cost_nanos,
  thread_seconds,
  cpu_seconds: 0,
});

const users = spent(["user"], [row(["ana"], 7_000_000_000), row(["ben"], 2_000_000_000)], {
  rest_rows: 1234,
  rest_nanos: 1_000_000_000,
  total_nanos: 10_000_000_000,
  all_nanos: 20_000_000_000,
  unseen_nanos: 500_000_000,
  coverage: 0.975,
});

const tree = ["/lab", "/shop"].map((path) => ({
  id: path,
  path,
  name: path.slice(1),
  parent_id: "",
  created_at: "2026-11-19T09:50:00Z",
  n_members: 1,
  role: "",
  pays: false,
}));

const answering = (body: unknown) => ({ ...usual(), "GET /cost/breakdown": { body } });

const table = () => screen.findByRole("table", { name: /^Cost by/ });
const cells = (line: HTMLElement) => [...line.querySelectorAll("td")].map((cell) => cell.textContent);

describe("the explorer", () => {
  it("lists what was spent with what is not listed, and a total that both add up to", async () => {
    open("/explore?period=90d", answering(users));
    const rows = [...(await table()).querySelectorAll("tr")].slice(1).map((line) => cells(line).filter(Boolean));
    expect(rows).toEqual([
      ["ana", "1 min", "70.0\u202f%", "$7.00"],
      ["ben", "1 min", "20.0\u202f%", "$2.00"],
      ["and 1,234 more users List up to 10,000", "10.0\u202f%", "$1.00"],
      ["Total", "100.0\u202f%", "$10.00"],
    ]);
    expect(document.querySelector(".answer")?.textContent).toBe(
      "$10.00, 50.0\u202f% of all that was spent, by 3 clusters. Most went to ana: 70.0\u202f%.",
    );
  });

  it("says what a reader should know of the figures", async () => {
    const note = "The file with the detail of 2026-11-02 (UTC) was damaged.";
    open("/explore?period=90d", answering({ ...users, notes: [note] }));
    expect((await screen.findByText(note)).className).toBe("note warn");
  });

  it("begins with groups for who sees several, and says so in the address", async () => {
    const groups = spent(["group"], [row(["/lab"], 7_000_000_000), row([""], 2_000_000_000)]);
    const page = open("/explore?period=7d", { ...answering(groups), "GET /groups": { body: { items: tree } } });
    expect(await screen.findByRole("table", { name: "Cost by group" })).toBeTruthy();
    expect(page.address()).toBe("/explore?period=7d&by=group");
    await userEvent.click(within(await table()).getByRole("link", { name: "/lab" }));
    await waitFor(() => expect(decodeURIComponent(page.address())).toBe("/explore?period=7d&by=user&where=group=/lab"));
    // What was asked first is all that was asked: no question is sent before it is known.
    const asked = page.server.asked.filter(({ request }) => request === "GET /cost/breakdown");
    const questions = new Set(asked.map(({ query }) => query.split("&since")[0]));
    expect([...questions]).toEqual(["by=group", "by=user&where=group=/lab"]);
  });

  it("begins with their own clusters for who sees no others, and asks for no groups", async () => {
    const own = spent(["name"], [row(["nightly"], 7_000_000_000)]);
    const ana = { ...me, user: { id: "u2", name: "ana", role: "user" } };
    const page = open("/explore", { ...answering(own), "GET /me": { body: ana } });
    expect(await screen.findByRole("table", { name: "Cost by cluster name" })).toBeTruthy();
    expect(page.address()).toBe("/explore?by=name");
    expect(page.server.asked.some(({ request }) => request === "GET /groups")).toBe(false);
  });

  it("begins with users where the groups cannot be read", async () => {
    open("/explore", { ...answering(users), "GET /groups": { status: 500, body: error("internal", "No.") } });
    expect(await screen.findByRole("table", { name: "Cost by user" })).toBeTruthy();
  });

  it("asks what the address says, and leads down from a row", async () => {
    const page = open("/explore?from=2026-11-01&to=2026-11-10&where=kind%3Dwork", answering(users));
    await table();
    const asked = () => page.server.asked.filter(({ request }) => request === "GET /cost/breakdown");
    expect(asked()[0]?.query).toBe(
      "by=user&where=kind=work&since=2026-10-31T23:00:00.000Z&until=2026-11-10T23:00:00.000Z&limit=1000",
    );
    await userEvent.click(within(await table()).getByRole("link", { name: "ana" }));
    await waitFor(() => expect(asked().at(-1)?.query).toContain("by=name&where=kind=work&where=user=ana"));
    expect(decodeURIComponent(page.address())).toBe(
      "/explore?from=2026-11-01&to=2026-11-10&by=name&where=kind=work;user=ana",
    );
    const way = screen.getByRole("navigation", { name: "Way down" });
    expect(way.textContent).toBe("Fjordlight ›kind Work on lines of code ›user ana, by cluster name");
    await userEvent.click(within(way).getByRole("link", { name: /^kind/ }));
    await waitFor(() => expect(decodeURIComponent(page.address())).toContain("where=kind=work"));
    expect(page.address()).not.toContain("ana");
  });

  it("filters by a value without leaving the grouping, and lets go of filters", async () => {
    const page = open("/explore", answering(users));
    await userEvent.click(within(await table()).getByRole("link", { name: "Only ben" }));
    await waitFor(() => expect(decodeURIComponent(page.address())).toBe("/explore?by=user&where=user=ben"));
    await userEvent.click(screen.getByRole("button", { name: "Remove the filter User: ben" }));
    await waitFor(() => expect(page.address()).toBe("/explore?by=user"));
    await userEvent.click(screen.getByRole("button", { name: "Add a filter…" }));
    await userEvent.selectOptions(screen.getByLabelText("What to filter by"), "operation");
    await userEvent.type(screen.getByLabelText("Value to keep"), "read.*");
    await userEvent.click(screen.getByRole("button", { name: "Add" }));
    await waitFor(() => expect(decodeURIComponent(page.address())).toBe("/explore?by=user&where=operation=read.*"));
    expect(screen.getByRole("list", { name: "Filters" }).textContent).toContain("Operation: read.…");
  });

  it("has lines lead to the code page, with what was asked", async () => {
    const lines = spent(["user", "line"], [row(["ana", "/home/ana/load.py:14"], 5e9), row(["ana", ""], 1e9)]);
    open("/explore?by=user,line&where=kind%3Dwork&period=7d", answering(lines));
    const link = within(await table()).getByRole("link", { name: "…/ana/load.py:14" });
    const address = new URL(link.getAttribute("href") ?? "", "http://x");
    expect(address.pathname).toBe("/code");
    expect(Object.fromEntries(address.searchParams)).toEqual({
      period: "7d",
      file: "/home/ana/load.py",
      line: "14",
      where: "kind=work;user=ana",
    });
  });

  it("says how its total was computed, with the SQL where the server tells", async () => {
    const told = { ...users, sql: "SELECT 1", rows_read: 812, segments: 31 };
    open("/explore", answering(told));
    await table();
    const [total] = screen.getAllByRole("button", { name: "$10.00" });
    if (!total) throw new Error("no total");
    await userEvent.click(total);
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("$9.000000000 in 2 rows+ $1.000000000 in 1,234 more rows= $10.000000000");
    expect(dialog.textContent).toContain("97.5\u202f% of the window's cost was observed");
    expect(dialog.textContent).toContain("812 rows read of 31 segments");
    expect(dialog.textContent).toContain("SELECT 1");
    expect(dialog.textContent).toContain("lineitem cost --by user --since ");
  });

  it("shows what was invoiced where that is asked for, and says for which months", async () => {
    const month = { start: "2026-09-30T22:00:00Z", end: "2026-10-31T23:00:00Z", true_up_nanos: 0, imports: [] };
    const invoiced = {
      ...users,
      figures: "invoiced",
      metered_total_nanos: 8_000_000_000,
      invoices: [
        {
          ...month,
          month: "2026-10",
          status: "invoiced",
          true_up_nanos: 2_000_000_000,
          imports: [
            {
              id: "im_1",
              source: "aws.csv",
              at: month.end,
              groups: 1,
              factors: [{ target: "backend aws", factor: 1.25 }],
            },
          ],
        },
        { ...month, month: "2026-11", status: "running" },
      ],
    };
    const page = open("/explore?by=user&period=90d", answering(invoiced));
    await table();
    await userEvent.click(screen.getByRole("radio", { name: "Invoiced" }));
    await waitFor(() => expect(page.address()).toContain("figures=invoiced"));
    const asked = () => page.server.asked.filter(({ request }) => request === "GET /cost/breakdown");
    await waitFor(() => expect(asked().at(-1)?.query).toContain("figures=invoiced"));
    expect(document.querySelector(".answer")?.textContent).toContain(
      "Invoices for 2026-10 made it $2.00 more than was metered. Still metered: 2026-11.",
    );
    expect(screen.getByRole("link", { name: "Export as CSV" }).getAttribute("href")).toContain("figures=invoiced");
    expect(
      within(await table())
        .getByRole("link", { name: "ana" })
        .getAttribute("href"),
    ).toContain("figures=invoiced");
    const [total] = screen.getAllByRole("button", { name: "$10.00" });
    if (!total) throw new Error("no total");
    await userEvent.click(total);
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("2026-10: trued up by $2.000000000 aws.csv, imported");
    expect(dialog.textContent).toContain("backend aws at 1.250000");
    expect(dialog.textContent).toContain("2026-11: not over yet, so metered");
    expect(dialog.textContent).toContain("--figures invoiced");
  });

  it("offers files of all rows, whatever the screen lists", async () => {
    open("/explore?by=day,user&where=user%3Da%5C%2Cb&all=yes&period=7d", answering(users));
    await table();
    const links = ["CSV", "Parquet", "Arrow"].map((name) =>
      screen.getByRole("link", { name: `Export as ${name}` }).getAttribute("href"),
    );
    expect(links.map((href) => href?.split("?")[0])).toEqual([
      "/api/v1/cost/breakdown.csv",
      "/api/v1/cost/breakdown.parquet",
      "/api/v1/cost/breakdown.arrow",
    ]);
    const query = new URLSearchParams(links[0]?.split("?")[1]);
    expect([query.get("by"), query.getAll("where"), query.has("limit")]).toEqual(["day,user", ["user=a\\,b"], false]);
  });

  it("lays two dimensions across, and all of it adds up", async () => {
    const both = spent(
      ["user", "kind"],
      [row(["ana", "work"], 3_333_333_333), row(["ana", "idle"], 3_333_333_333), row(["ben", "work"], 3_333_333_334)],
    );
    open("/explore?by=user,kind&view=pivot", answering(both));
    const rows = [...(await table()).querySelectorAll("tr")].map((line) =>
      [...line.querySelectorAll("th, td")].map((cell) => cell.textContent),
    );
    expect(rows).toEqual([
      ["User", "Work on lines of code", "Idle", "Total"],
      ["ana", "$3.33", "$3.33", "$6.66"],
      ["ben", "$3.34", "", "$3.34"],
      ["Total", "$6.67", "$3.33", "$10.00"],
    ]);
  });

  it("shows many rows page by page, and says what the other pages hold", async () => {
    const rows = Array.from({ length: 250 }, (_, at) => row([`u${at}`], 1_000_000_000 - at));
    const page = open("/explore", answering(spent(["user"], rows)));
    expect((await table()).querySelectorAll("tbody tr")).toHaveLength(101);
    expect(screen.getByText("150 rows on other pages").closest("tr")?.lastElementChild?.textContent).toBe("$150.00");
    await userEvent.click(screen.getByRole("button", { name: "Next rows" }));
    await waitFor(() => expect(page.address()).toBe("/explore?by=user&page=2"));
    await userEvent.type(screen.getByRole("searchbox", { name: "Find a row" }), "u24");
    await waitFor(() => expect(screen.getByText("239 rows without “u24”")).toBeTruthy());
    expect(page.address()).toBe("/explore?by=user&q=u24");
  });

  it("says that nothing was spent, that the filters leave nothing, and what the server refuses", async () => {
    const first = open(
      "/explore?where=user%3Dnobody",
      answering(spent(["user"], [], { all_nanos: 5e9, total_nanos: 0 })),
    );
    expect(await screen.findByText("The filters leave nothing of $5.00.")).toBeTruthy();
    first.unmount();
    const second = open("/explore", answering(spent(["user"], [])));
    expect(await screen.findByText(/No cluster that you may see ran/)).toBeTruthy();
    second.unmount();
    open("/explore", {
      ...usual(),
      "GET /cost/breakdown": { status: 422, body: error("invalid", "There are 21 filters; at most 20 are allowed.") },
    });
    expect(await screen.findByText(/There are 21 filters/)).toBeTruthy();
  });
});
