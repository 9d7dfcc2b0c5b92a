import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { cluster } from "../../tests/data";

const bills = () => screen.findByRole("table", { name: /Cost by line of code/ });

/** The last cell of the row that begins with a text, as ten-thousandths of a dollar. */
function shown(table: HTMLElement, begin: RegExp): number {
  const row = within(table)
    .getAllByRole("row")
    .find((candidate) => begin.test(candidate.textContent ?? ""));
  const cells = row?.querySelectorAll("td") ?? [];
  return Math.round(Number((cells[cells.length - 1]?.textContent ?? "").replace("$", "")) * 1e4);
}

describe("one cluster", () => {
  it("shows a bill whose parts add up as printed", async () => {
    open("/clusters/c1", usual());
    const table = await bills();
    const rest = [/^Idle, nothing/, /^Idle, waiting/, /^Scheduler/, /^Unknown/].map((begin) => shown(table, begin));
    const lines = [/read_csv/, /windy/, /describe/].map((begin) => shown(table, begin));
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(shown(table, /^Lines of code/)).toBe(sum(lines));
    expect(shown(table, /^Total/)).toBe(sum(lines) + sum(rest));
    expect(shown(table, /^Total/)).toBe(185);
  });

  it("puts a chosen line into the address and explains it", async () => {
    const page = open("/clusters/c1", usual());
    await userEvent.click(within(await bills()).getByRole("link", { name: /windy/ }));
    await waitFor(() => expect(page.address()).toContain("line=13"));
    const card = await screen.findByRole("region", { name: "flights.py:13" });
    expect(within(card).getByText("wind_class")).toBeTruthy();
    expect(within(await bills()).getByRole("link", { current: true }).textContent).toContain("windy");
  });

  it("opens how a figure was computed: the query, the window, the prices", async () => {
    open("/clusters/c1", usual());
    await userEvent.click(within(await bills()).getByRole("button", { name: "$0.0185" }));
    const dialog = await screen.findByRole("dialog", { name: "How is this computed?" });
    expect(within(dialog).getByRole("link", { name: /bill/ }).getAttribute("href")).toBe("/api/v1/clusters/c1/bill");
    expect(dialog.textContent).toContain("10:50:00");
    expect(dialog.textContent).toContain("$0.040/h per core");
    expect(dialog.textContent).toContain("99.0\u202f%");
    expect(dialog.textContent).toContain("$0.018470690");
  });

  it("names what stopping loses before it stops", async () => {
    const page = open("/clusters/c1", usual());
    await userEvent.click(await screen.findByRole("button", { name: "Stop…" }));
    const dialog = await screen.findByRole("dialog", { name: "Stop backtest?" });
    expect(dialog.textContent).toContain("3 tasks running now");
    expect(dialog.textContent).toContain("8 results in memory, 1.2 GB");
    expect(dialog.textContent).toContain("$0.31/h is no longer paid");
    expect(page.server.asked.some(({ request }) => request.startsWith("POST"))).toBe(false);
    page.server.answers["POST /clusters/c1/stop"] = { body: cluster({ status: "stopping", target: "stopped" }) };
    page.server.answers["GET /clusters/c1"] = { body: cluster({ status: "stopping", target: "stopped" }) };
    await userEvent.click(within(dialog).getByRole("button", { name: "Stop cluster" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(await screen.findByText("stopping")).toBeTruthy();
  });

  it("shows a refusal to scale and keeps what was typed", async () => {
    const answers = usual();
    answers["POST /clusters/c1/scale"] = {
      status: 409,
      body: error("no_capacity", "9 workers fit. Nothing was changed."),
    };
    const page = open("/clusters/c1", answers);
    await userEvent.click(await screen.findByRole("button", { name: "Scale…" }));
    const field = await screen.findByLabelText<HTMLInputElement>("Workers wanted");
    await userEvent.clear(field);
    await userEvent.type(field, "40");
    expect(screen.getByRole("dialog").textContent).toContain("36 workers more, about $3.24/h on top of $0.31/h");
    await userEvent.click(screen.getByRole("button", { name: "Scale" }));
    expect((await screen.findByRole("alert")).textContent).toContain("9 workers fit. Nothing was changed.");
    expect(page.server.asked.find(({ request }) => request.endsWith("/scale"))?.body).toEqual({ n_workers: 40 });

    // What the server says meanwhile does not touch the field.
    page.server.answers["GET /clusters/c1"] = { body: cluster({ options: { n_workers: 7 }, n_workers_running: 7 }) };
    await screen.findByText("7 of 7");
    expect(screen.getByLabelText<HTMLInputElement>("Workers wanted").value).toBe("40");
  });

  it("offers no change to a cluster that has ended", async () => {
    const ended = cluster({
      status: "stopped",
      target: "stopped",
      ended_at: "2026-11-19T09:55:00Z",
      n_workers_running: 0,
    });
    open("/clusters/c1", { ...usual(), "GET /clusters/c1": { body: ended } });
    await bills();
    expect(screen.queryByRole("button", { name: "Stop…" })).toBeNull();
    expect(screen.queryByText("Busy now")).toBeNull();
    expect(screen.getByText("On lines of code")).toBeTruthy();
    expect(screen.getByText("5 min")).toBeTruthy();
  });

  it("says so where a cluster is not to be seen", async () => {
    open("/clusters/nope", usual());
    expect(await screen.findByText("There is no such cluster, or it is not yours to see.")).toBeTruthy();
  });

  it("says where a file's text is missing, and still has its cost", async () => {
    const answers = usual();
    delete answers["GET /clusters/c1/source"];
    open("/clusters/c1?file=cell%3A9f3c2ab81234", answers);
    expect(await screen.findByText("This cell's text has not arrived.")).toBeTruthy();
    expect(screen.getByRole("heading", { name: "Notebook cell 9f3c2a" })).toBeTruthy();
  });

  it("has the same in words as the picture of the workers", async () => {
    open("/clusters/c1", usual());
    const table = await screen.findByRole("table", { name: /Share of each worker/ });
    expect(within(table).getByRole("row", { name: /^w-0 66.3/ })).toBeTruthy();
  });

  it("finds in a log", async () => {
    open("/clusters/c1", usual());
    await userEvent.type(await screen.findByLabelText("Find in this log"), "TWO");
    expect(await screen.findByText("1 line holds “TWO”.")).toBeTruthy();
    expect(screen.getByText("two").tagName).toBe("MARK");
  });
});
