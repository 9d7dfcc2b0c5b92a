import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { error, open, usual } from "../../tests/app";

const tables = {
  items: [
    {
      name: "lines",
      about: "What each cluster spent",
      columns: [{ name: "cost_nanos", type: "BIGINT", about: "what it cost" }],
    },
  ],
};

const result = {
  columns: [
    { name: "operation", type: "VARCHAR" },
    { name: "cost", type: "BIGINT" },
  ],
  rows: [
    ["read.csv", 12],
    [null, "9007199254740993"],
  ],
  row_count: 2,
  more: false,
  cut: "",
  tables: ["lines"],
  loaded_rows: 0,
  bytes: 34,
  milliseconds: 40,
  as_of: "2026-11-19T09:55:00Z",
};

const answers = (sql: ReturnType<typeof usual>[string]) => ({
  ...usual(),
  "GET /sql/tables": { body: tables },
  "POST /sql": sql,
});

const runs = (page: ReturnType<typeof open>) =>
  page.server.asked.filter(({ request }) => request === "POST /sql").map(({ body }) => body);

/** The editor's text; it stands in a shadow tree. */
const editor = () =>
  waitFor(() => {
    const content = document.querySelector(".editor")?.shadowRoot?.querySelector('[aria-label="Statement"]');
    if (!content) throw new Error("The editor is not there yet.");
    return content;
  });

describe("the SQL page", () => {
  it("runs what the address holds when asked to, and shows the rows", async () => {
    const page = open("/sql?q=select+1&period=7", answers({ body: result }));
    expect((await editor()).textContent).toBe("select 1");
    expect(runs(page)).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    const rows = within(await screen.findByRole("table", { name: "Answer" })).getAllByRole("row");
    expect(rows.map((row) => row.textContent)).toEqual([
      "operationvarcharcostbigint",
      "read.csv12",
      "NULL9007199254740993",
    ]);
    expect(runs(page)).toEqual([{ sql: "select 1", limit: 10_000, since: expect.stringMatching(/^20\d\d-/) }]);
    expect(screen.getByText(/^2 rows in 40 ms, 34 B, as of/)).toBeTruthy();
    expect(page.address()).toBe("/sql?q=select+1&period=7");
  });

  it("keeps what ran in the address and in the history", async () => {
    const page = open("/sql", answers({ body: result }));
    await editor();
    expect(screen.getByText(/What you run is listed here/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    await screen.findByRole("table", { name: "Answer" });
    expect(page.address()).toContain("/sql?q=select+operation");
    const past = screen.getByRole("button", { name: /^select operation/ });
    await userEvent.click(past);
    await userEvent.click(screen.getByRole("button", { name: "Forget these" }));
    expect(screen.queryByRole("button", { name: /^select operation/ })).toBeNull();
    await userEvent.selectOptions(screen.getByLabelText("Tables hold"), "30 days");
    await waitFor(() => expect(page.address()).toContain("period=30"));
  });

  it("lists tables and columns, and writes their names", async () => {
    open("/sql?q=x", answers({ body: result }));
    const place = await editor();
    await userEvent.click(await screen.findByText("lines"));
    await userEvent.click(screen.getByRole("button", { name: "cost_nanos" }));
    expect(place.textContent).toContain("cost_nanos");
    expect(screen.getByText(/bigint · what it cost/)).toBeTruthy();
  });

  it("shows the server's sentence, and can be stopped", async () => {
    const page = open("/sql?q=copy", answers({ status: 422, body: error("sql_refused", "Only SELECT is allowed.") }));
    await editor();
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    expect((await screen.findByRole("alert")).textContent).toContain("Only SELECT is allowed.");
    page.server.answers["POST /sql"] = "never";
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    await userEvent.click(await screen.findByRole("button", { name: "Stop" }));
    expect(await screen.findByText("The statement was stopped.")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Run" })).toBeTruthy();
  });

  it("says what was cut, exports what it shows, and saves the rest as a file", async () => {
    const made = vi.spyOn(URL, "createObjectURL");
    const page = open("/sql?q=a", {
      ...answers({ body: { ...result, more: true, cut: "The answer has more rows than the limit." } }),
      "POST /sql.parquet": { body: "PAR1" },
    });
    await editor();
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    expect(await screen.findByText(/The answer has more rows than the limit/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Export CSV" }));
    const saved = made.mock.calls[0]?.[0];
    expect(saved instanceof Blob && (await saved.text())).toBe(
      "operation,cost\r\nread.csv,12\r\n,9007199254740993\r\n",
    );
    await userEvent.click(screen.getByRole("button", { name: "Save as Parquet" }));
    await waitFor(() => expect(made).toHaveBeenCalledTimes(2));
    page.server.answers["POST /sql.parquet"] = {
      status: 503,
      body: error("busy", "Two statements of yours are running."),
    };
    await userEvent.click(screen.getByRole("button", { name: "Save as Parquet" }));
    expect((await screen.findByRole("alert")).textContent).toContain("Two statements of yours");
    made.mockRestore();
  });

  it("shows a plan as a drawing, and says where nothing matches", async () => {
    const plan = {
      ...result,
      columns: [
        { name: "explain_key", type: "VARCHAR" },
        { name: "explain_value", type: "VARCHAR" },
      ],
      rows: [["p", "┌──┐"]],
    };
    const page = open("/sql?q=explain", answers({ body: plan }));
    await editor();
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    expect((await screen.findByRole("region", { name: "Plan of the statement" })).textContent).toBe("┌──┐");
    page.server.answers["POST /sql"] = { body: { ...result, rows: [], row_count: 0 } };
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    expect(await screen.findByText("No rows.")).toBeTruthy();
  });
});
