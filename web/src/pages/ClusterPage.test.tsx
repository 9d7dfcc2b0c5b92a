import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { bill, cluster } from "../../tests/data";

const bills = () => screen.findByRole("table", { name: /^Cost by .* dearest first/ });

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
    const names = [/^Idle, nothing/, /^Idle, waiting/, /^Scheduler/, /^Lost with/, /^Reports lost/, /^Unknown/];
    const rest = names.map((begin) => shown(table, begin));
    const lines = [/read_csv/, /wind_class/, /describe/].map((text) => shown(table, text));
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(shown(table, /^Lines of code/)).toBe(sum(lines));
    expect(shown(table, /^Total/)).toBe(sum(lines) + sum(rest));
    expect(shown(table, /^Total/)).toBe(188);
  });

  it("tells what of the bill was for GPUs, and for idle ones", async () => {
    const answers = usual();
    answers["GET /clusters/c1/bill"] = {
      body: bill({
        lines: [],
        categories: [{ name: "idle.gpu", cost_nanos: 5_000_000_000, thread_seconds: 0 }],
        unknown_nanos: 0,
        total_nanos: 5_000_000_000,
        gpus: [
          {
            model: "H200",
            devices: 2,
            seconds: 7200,
            unpriced_seconds: 0,
            cost_nanos: 5_000_000_000,
            idle_cost_nanos: 5_000_000_000,
          },
          { model: "L4", devices: 1, seconds: 60, unpriced_seconds: 60, cost_nanos: 0, idle_cost_nanos: 0 },
        ],
      }),
    };
    open("/clusters/c1", answers);
    const table = await screen.findByRole("table", { name: /^Cost of GPUs by model/ });
    expect(within(table).getByText("2 devices, held for 2 h")).toBeTruthy();
    expect(within(table).getAllByText("$5.00")).toHaveLength(2);
    expect(within(table).getByText("1 device, held for 1 min; no price for 1 min")).toBeTruthy();
    expect(within(table).getByText("Unknown")).toBeTruthy();
    const idle = screen.getByRole("table", { name: "Cost of idle time by reason" });
    expect(within(idle).getByText("GPUs were held and paid for, and nothing ran on them.")).toBeTruthy();
  });

  it("opens a row to the lines inside it, and these to their tasks; each level adds up", async () => {
    open("/clusters/c1", usual());
    const table = await bills();
    const first = shown(table, /read_csv/);
    const twist = within(table).getByRole("button", { name: "What is inside flights.py:19" });
    expect(twist.getAttribute("aria-expanded")).toBe("false");
    await userEvent.click(twist);
    expect(twist.getAttribute("aria-expanded")).toBe("true");
    expect(within(table).getByText(/on this line itself: Read CSV, pandas/)).toBeTruthy();
    expect(within(table).getByText("Decompress, fsspec")).toBeTruthy();
    expect(within(table).getByText("Also asked for by report.py:7; who asks first pays.")).toBeTruthy();
    expect(within(table).getAllByText("of it 12 s in native threads")).toHaveLength(2);
    const inner = [/on this line itself/, /delays\.compute/].map((text) => shown(table, text));
    expect(inner[0] ?? 0).toBe(first - (inner[1] ?? 0));
    await userEvent.click(within(table).getByRole("button", { name: "What is inside flights.py:31" }));
    expect(shown(table, /^tasks read-csv/)).toBe(inner[1]);
  });

  it("switches what the rows are, in the address", async () => {
    const page = open("/clusters/c1", usual());
    await bills();
    await userEvent.click(screen.getByLabelText("By operation"));
    await waitFor(() => expect(page.address()).toContain("by=operation"));
    const table = await bills();
    expect(within(table).getByText("Read CSV")).toBeTruthy();
    expect(shown(table, /^Total/)).toBe(188);
    await userEvent.click(screen.getByLabelText("By library"));
    expect(within(await bills()).getByText("Your own code")).toBeTruthy();
    await userEvent.click(screen.getByLabelText("By line"));
    expect(within(await bills()).getByText('out["windy"] = speed > 20')).toBeTruthy();
  });

  it("marks work that stands where it was submitted, and reports how much does not", async () => {
    open("/clusters/c1", usual());
    const table = await bills();
    const row = within(table).getByText("submitted").closest("tr");
    expect(row?.textContent).toContain("df.describe()");
    expect(screen.getByText(/of the work stands on the line that created it/).textContent).toMatch(/^97\.0/);
    await userEvent.click(screen.getByTitle(/Share of the work that stands/));
    const dialog = await screen.findByRole("dialog", { name: "How is this computed?" });
    expect(dialog.textContent).toContain("version 3 named operations and libraries");
    expect(dialog.textContent).toContain("measured from within");
    expect(within(dialog).getByRole("row", { name: "by the name that the task carries 200" })).toBeTruthy();
  });

  it("puts a chosen line into the address and explains it", async () => {
    const page = open("/clusters/c1", usual());
    await userEvent.click(within(await bills()).getByRole("link", { name: /wind_class/ }));
    await waitFor(() => expect(page.address()).toContain("line=21"));
    const card = await screen.findByRole("region", { name: "flights.py:21" });
    expect(within(card).getByText("This line created the work.")).toBeTruthy();
    expect(within(card).getByText("Your own Python")).toBeTruthy();
    expect(within(await bills()).getByRole("link", { current: true }).textContent).toContain("wind_class");
  });

  it("opens how a figure was computed: the query, the window, the prices", async () => {
    open("/clusters/c1", usual());
    await userEvent.click(within(await bills()).getByRole("button", { name: "$0.0188" }));
    const dialog = await screen.findByRole("dialog", { name: "How is this computed?" });
    expect(within(dialog).getByRole("link", { name: /bill/ }).getAttribute("href")).toBe("/api/v1/clusters/c1/bill");
    expect(dialog.textContent).toContain("10:50:00");
    expect(dialog.textContent).toContain("$0.040/h per core");
    expect(dialog.textContent).toContain("99.0\u202f%");
    expect(dialog.textContent).toContain("$0.018753690");
  });

  it("gives the bill to other tools as files of the server", async () => {
    open("/clusters/c1", usual());
    await bills();
    for (const [name, file] of [
      ["Export pprof", "profile.pb.gz"],
      ["Export speedscope", "profile.speedscope.json"],
    ] as const) {
      const link = screen.getByRole("link", { name });
      expect(link.getAttribute("href")).toBe(`/api/v1/clusters/c1/${file}`);
      expect(link.hasAttribute("download")).toBe(true);
    }
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

  it("offers no change to a watched cluster, and says why", async () => {
    const watched = cluster({
      watched: true,
      away: true,
      deployment: "jobqueue",
      method: "sampled",
      last_seen_at: "2026-11-19T09:54:30Z",
    });
    const seen = bill({ method: "sampled" });
    const answers = { ...usual(), "GET /clusters/c1": { body: watched }, "GET /clusters/c1/bill": { body: seen } };
    open("/clusters/c1", answers);
    expect(await screen.findByRole("table", { name: /^Cost by line of code where threads stood/ })).toBeTruthy();
    expect(screen.getByText(/who created it cannot be seen/)).toBeTruthy();
    expect(screen.queryByText("submitted")).toBeNull();
    expect(screen.queryByRole("button", { name: "Scale…" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Stop…" })).toBeNull();
    expect(screen.queryByRole("heading", { name: "Logs" })).toBeNull();
    expect(screen.getByText(/can neither scale nor stop it/)).toBeTruthy();
    expect(screen.getByText("watched, dask-jobqueue")).toBeTruthy();
    expect(screen.getByText("sampled from outside")).toBeTruthy();
    expect(screen.getByText("not heard of")).toBeTruthy();
    expect(screen.getByText(/last seen .*10:54:30/)).toBeTruthy();
  });

  it("finds submissions by what clients say of themselves, in the address", async () => {
    const page = open("/clusters/c1", usual());
    const table = await screen.findByRole("table", { name: "Submissions" });
    expect(within(table).getByText("2 submissions")).toBeTruthy();
    expect(within(table).getAllByText("backtest.ipynb, 9d04be1, changed since, on laptop")).not.toHaveLength(0);
    await userEvent.click(within(table).getByRole("button", { name: "project=churn" }));
    await waitFor(() => expect(page.address()).toContain("sub=project%3Dchurn"));
    expect(within(table).getByText("1 submission of 2")).toBeTruthy();
    await userEvent.type(screen.getByLabelText("Find a submission"), " nobody");
    await userEvent.click(await screen.findByRole("button", { name: "Clear the filter" }));
    expect(await screen.findByText("2 submissions")).toBeTruthy();
  });

  it("says which columns were parsed for nothing", async () => {
    open("/clusters/c1", usual());
    const table = await screen.findByRole("table", { name: /Files read and written/ });
    expect(within(table).getByText(/^10 of 12 columns were parsed and thrown away at flights\.py:19/)).toBeTruthy();
    expect(within(table).getByText("c engine, gzip")).toBeTruthy();
    expect(within(table).getByText("2 of 12")).toBeTruthy();
  });

  it("has the figures of what processes used beside their pictures", async () => {
    open("/clusters/c1", usual());
    const table = await screen.findByRole("table", { name: /What each process used/ });
    const row = within(table).getByRole("row", { name: /^w-0/ });
    expect(within(row).getByText("1.0 on average, 1.5 at most")).toBeTruthy();
    expect(within(row).getByText("3.8 GB at most, 95 % of 4.0 GB, 1.0 GB spilled")).toBeTruthy();
    expect(within(row).getByText("500 MB, 40.0 MB/s at most")).toBeTruthy();
    expect(within(row).getByText("not reported")).toBeTruthy();
    const gpus = screen.getByRole("table", { name: "Use of each GPU" });
    expect(within(gpus).getByRole("row", { name: /^w-0, GPU 1/ }).textContent).toContain("100.0\u202f%");
    expect(screen.getByText(/1 of 2 never ran a kernel/)).toBeTruthy();
  });
});
