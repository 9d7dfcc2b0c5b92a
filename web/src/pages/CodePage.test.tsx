import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { bill, cluster } from "../../tests/data";

const picture = () => screen.findByRole("application", { name: /^backtest, \$0\.0188: boxes/ });
const kinds = () => screen.findByRole("table", { name: /^Cost by operation/ });

/** Amounts in the last column of a table's body, as ten-thousandths of a dollar. */
function column(table: HTMLElement, rows: string): number[] {
  return [...table.querySelectorAll(`${rows} td:last-child`)].map((cell) =>
    Math.round(Number((cell.textContent ?? "").replace(/[$<\s]/g, "")) * 1e4),
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("the code page", () => {
  it("is led to from the bill", async () => {
    open("/clusters/c1", usual());
    await userEvent.click(await screen.findByRole("link", { name: "Open the code page" }));
    expect(await picture()).toBeTruthy();
  });

  it("is moved through by keys, says each amount exactly, and keeps its place in the address", async () => {
    const page = open("/clusters/c1/code", usual());
    const boxes = await picture();
    const said = () => document.getElementById(boxes.getAttribute("aria-describedby") ?? "")?.textContent;
    expect(said()).toBe("backtest: $0.018753690");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) fireEvent.keyDown(boxes, { key });
    expect(said()).toBe("flights.py:19 dd.read_csv: $0.007412333, 39.5\u202f% of the bill");
    fireEvent.keyDown(boxes, { key: "Enter" });
    await waitFor(() => expect(page.address()).toContain("zoom=%2Fhome%2Fana%2Fflights.py%3A19"));
    expect(page.address()).toContain("line=19");
    const crumbs = await screen.findByRole("navigation", { name: /inside of/ });
    expect(crumbs.textContent).toBe("backtest ›flights.py ›main() ›flights.py:19 dd.read_csv");
    fireEvent.keyDown(boxes, { key: "Escape" });
    await waitFor(() => expect(page.address()).toContain("zoom=%2Fhome%2Fana%2Fflights.py%23main"));
    await userEvent.click(within(crumbs).getByRole("button", { name: "backtest" }));
    await waitFor(() => expect(page.address()).not.toContain("zoom="));
  });

  it("has the same as a table, whose rows add up", async () => {
    open("/clusters/c1/code", usual());
    await picture();
    const details = screen.getByText("As a table").closest("details");
    if (!details) throw new Error("no table");
    details.open = true;
    fireEvent(details, new Event("toggle"));
    const table = await screen.findByRole("table", { name: /^Where the money went/ });
    const [whole = 0, ...parts] = column(table, "tbody tr");
    expect(sum(parts)).toBe(whole);
    await userEvent.click(within(table).getByRole("button", { name: "What is inside flights.py" }));
    expect(within(table).getByText("main()")).toBeTruthy();
  });

  it("lists kinds of work that add up to the bill; choosing one chooses its line", async () => {
    const page = open("/clusters/c1/code", usual());
    const table = await kinds();
    const [total] = column(table, "tfoot");
    const lines = column(table, "tbody tr.rule");
    const all = column(table, "tbody tr");
    expect(sum(all) - sum(lines)).toBe(total);
    await userEvent.click(within(table).getByRole("link", { name: "Decompress" }));
    await waitFor(() => expect(page.address()).toContain("op=decompress"));
    expect(page.address()).toContain("line=19");
    expect(await screen.findByRole("region", { name: "flights.py:19" })).toBeTruthy();
  });

  it("loads idle onto lines with the rule beside it, and keeps the total", async () => {
    const page = open("/clusters/c1/code", usual());
    const before = column(await kinds(), "tfoot");
    await userEvent.click(screen.getByLabelText("Idle loaded"));
    await waitFor(() => expect(page.address()).toContain("loaded=yes"));
    const table = await kinds();
    expect(screen.getByText(/spread over the lines in proportion/)).toBeTruthy();
    expect(within(table).queryByText("Idle")).toBeNull();
    expect(within(table).getByText("Unknown")).toBeTruthy();
    expect(column(table, "tfoot")).toEqual(before);
    expect(sum(column(table, "tbody tr")) - sum(column(table, "tbody tr.rule"))).toBe(before[0]);
  });

  it("finds what is searched, and sums it", async () => {
    const page = open("/clusters/c1/code?q=read", usual());
    await picture();
    const answer = () => screen.getByText(/of the bill, in/).textContent;
    expect(answer()).toContain("$0.0074, 39.5\u202f% of the bill, in 1 match for “read”");
    const field = screen.getByRole("searchbox", { name: /^Find a file/ });
    await userEvent.clear(field);
    await userEvent.type(field, "nothing like it");
    expect(await screen.findByText(/Nothing is named “nothing like it”/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Clear the search" }));
    await waitFor(() => expect(page.address()).not.toContain("q="));
  });

  it("leads from line to line that costs money", async () => {
    const page = open("/clusters/c1/code", usual());
    await screen.findByRole("region", { name: "Source of /home/ana/flights.py" });
    for (const [key, line] of [
      ["n", 19],
      ["n", 21],
      ["n", 19],
      ["p", 21],
    ] as const) {
      fireEvent.keyDown(document.body, { key });
      await waitFor(() => expect(page.address()).toContain(`line=${line}`));
    }
  });

  it("compares with another cluster of the same owner, by a key", async () => {
    const answers = usual();
    const then = bill();
    const cheaper = then.lines.map((entry) => ({ ...entry, cost_nanos: entry.cost_nanos - 100_000 }));
    answers["GET /clusters/c0/bill"] = { body: bill({ lines: cheaper, total_nanos: then.total_nanos - 400_000 }) };
    answers["GET /clusters"] = {
      body: { items: [cluster(), cluster({ id: "c0", name: "earlier", created_at: "2026-11-18T09:00:00Z" })] },
    };
    const page = open("/clusters/c1/code", answers);
    await screen.findByRole("button", { name: "Compare with the one before" });
    fireEvent.keyDown(document.body, { key: "d" });
    await waitFor(() => expect(page.address()).toContain("against=c0"));
    const table = await screen.findByRole("table", { name: /^Change of cost by line/ });
    expect(within(table).getByText("Total, from $0.0184 to $0.0188")).toBeTruthy();
    const changes = [...table.querySelectorAll("td:last-child")].map((cell) => cell.textContent ?? "");
    expect(changes.at(-1)).toBe("+$0.0004");
    const parts = changes.slice(0, -1).map((text) => Math.round(Number(text.replace(/[+$]/g, "")) * 1e4));
    expect(sum(parts)).toBe(4);
    // The boxes can be painted by it, and say it.
    await userEvent.click(screen.getByRole("radio", { name: "Change" }));
    await waitFor(() => expect(page.address()).toContain("paint=change"));
    const boxes = await picture();
    const said = () => document.getElementById(boxes.getAttribute("aria-describedby") ?? "")?.textContent;
    expect(said()).toBe("backtest: $0.018753690; +$0.0004 (+2\u202f%) against earlier");
    await userEvent.click(within(table).getByRole("link", { name: "flights.py:21" }));
    await waitFor(() => expect(page.address()).toContain("line=21"));
    fireEvent.keyDown(document.body, { key: "d" });
    await waitFor(() => expect(page.address()).not.toContain("against"));
  });

  it("says why it cannot compare", async () => {
    const answers = usual();
    answers["GET /clusters/eur/bill"] = { body: bill({ currency: "EUR" }) };
    const first = open("/clusters/c1/code?against=eur", answers);
    expect(await screen.findByText(/in USD and the other in EUR/)).toBeTruthy();
    first.unmount();
    const second = open("/clusters/c1/code?against=c1", answers);
    expect(await screen.findByText(/This is the same cluster/)).toBeTruthy();
    second.unmount();
    open("/clusters/c1/code?against=gone", answers);
    expect(await screen.findByText(/does not exist, or is not yours/)).toBeTruthy();
  });

  it("shows the lines that it knows where the text was not sent", async () => {
    const answers = usual();
    answers["GET /clusters/c1/source"] = { status: 404, body: error("not_found", "No such source.") };
    open("/clusters/c1/code", answers);
    expect(await screen.findByText("This file's text is not here.")).toBeTruthy();
    const source = screen.getByRole("region", { name: "Source of /home/ana/flights.py" });
    expect(source.textContent).toContain("flights = flights.map_partitions(wind_class)");
    expect(within(source).getByText("18 lines without text")).toBeTruthy();
  });

  it("says where there is nothing, no such cluster, or no answer", async () => {
    const answers = usual();
    answers["GET /clusters/c1/bill"] = { body: bill({ lines: [], categories: [], unknown_nanos: 0, total_nanos: 0 }) };
    open("/clusters/c1/code", answers);
    expect(await screen.findByText("Nothing has cost anything yet.")).toBeTruthy();
    open("/clusters/gone/code", usual());
    expect(await screen.findByText(/no such cluster, or it is not yours/)).toBeTruthy();
  });

  it("says as of when a running cluster's figures are, and names where threads stood of a sampled one", async () => {
    const first = open("/clusters/c1/code", usual());
    await picture();
    expect((await screen.findByText(/^The bill by line/)).textContent).toMatch(
      /on the line that created the work; as of .*10:55:00$/,
    );
    first.unmount();
    const answers = usual();
    answers["GET /clusters/c1"] = { body: cluster({ method: "sampled", status: "stopped", target: "stopped" }) };
    answers["GET /clusters/c1/bill"] = { body: bill({ method: "sampled" }) };
    open("/clusters/c1/code", answers);
    expect((await screen.findByText(/^The bill by line/)).textContent).toMatch(/on the line where threads stood$/);
    expect(within(await kinds()).getByRole("row", { name: /^Decompress flights\.py:31/ })).toBeTruthy();
  });

  it("says what it could not read, in the server's words", async () => {
    const answers = usual();
    answers["GET /clusters/c1/bill"] = { status: 500, body: error("internal", "The bill's store is busy.") };
    answers["GET /clusters/c1"] = { body: cluster({ status: "stopped", target: "stopped" }) };
    open("/clusters/c1/code", answers);
    expect(await screen.findByText(/The bill's store is busy\./)).toBeTruthy();
  });
});
