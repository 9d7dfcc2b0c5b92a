import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { open, usual } from "../../tests/app";
import { environment } from "../../tests/data";

const table = () => screen.findByRole("table", { name: "Packages" });
const asked = (page: ReturnType<typeof open>) =>
  page.server.asked.filter(({ request }) => request === "GET /packages").map(({ query }) => query);

describe("packages", () => {
  it("says who has what, when last, and what it cost", async () => {
    open("/packages?name=xgboost", usual());
    const rows = within(await table()).getAllByRole("row");
    expect(rows.slice(1).map((row) => row.querySelector("td:nth-child(2)")?.textContent)).toEqual(["1.7.6", "1.10.0"]);
    expect(rows[1]?.textContent).toContain("seen running");
    expect(rows[1]?.textContent).toContain("$0.00900");
    expect(rows[2]?.textContent).toContain("–$0.01800");
    expect(screen.getByText(/2 versions, in 2 clusters of 2 owners/).textContent).toContain("its code ran for $0.0090");
    expect(screen.getByText(/1 version left out/)).toBeTruthy();
  });

  it("asks for what the address holds, once typing has settled", async () => {
    const page = open("/packages?cluster=c1", usual());
    await table();
    expect(await screen.findByText("only backtest")).toBeTruthy();
    await userEvent.type(screen.getByLabelText("Name of the package"), "xgboost");
    await userEvent.click(screen.getByLabelText("Imported"));
    await waitFor(() => expect(asked(page)).toContain("name=xgboost&grade=imported&cluster=c1"));
    expect(asked(page)).not.toContain("name=xgbo&grade=installed&cluster=c1");
    expect(page.address()).toBe("/packages?cluster=c1&name=xgboost&grade=imported");
    await userEvent.click(screen.getByRole("button", { name: "All clusters" }));
    await waitFor(() => expect(asked(page).at(-1)).toBe("name=xgboost&grade=imported"));
  });

  it("shows the server's sentence about a range beside the range", async () => {
    const answers = usual();
    answers["GET /packages"] = {
      status: 422,
      body: {
        code: "invalid",
        message: "The version range is not one.",
        fields: [{ name: "query.version", message: "“<<2” is no range of PEP 440: try “<2”. Nothing was searched." }],
      },
    };
    open("/packages?version=%3C%3C2", answers);
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("is no range of PEP 440");
    const field = screen.getByLabelText("Version range");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(field.getAttribute("aria-describedby")).toBe(alert.id);
    expect(screen.queryByRole("table", { name: "Packages" })).toBeNull();
  });

  it("says so where nothing matches, and lets go of the filter", async () => {
    const answers = usual();
    answers["GET /packages"] = { body: { currency: "USD", items: [], skipped: 0 } };
    const page = open("/packages?name=nothing&grade=seen", answers);
    expect(await screen.findByText("No package matches “nothing, seen”.")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Show installed ones too" }));
    await waitFor(() => expect(page.address()).toBe("/packages?name=nothing"));
    await userEvent.click(await screen.findByRole("button", { name: "Clear all" }));
    expect(await screen.findByText("No package has been reported yet.")).toBeTruthy();
  });

  it("exports what it shows", async () => {
    const made = vi.spyOn(URL, "createObjectURL");
    open("/packages", usual());
    await table();
    await userEvent.click(screen.getByRole("button", { name: "Export CSV" }));
    const saved = made.mock.calls[0]?.[0];
    expect(saved instanceof Blob && (await saved.text())).toContain("xgboost,1.7.6,seen,backtest");
    made.mockRestore();
  });

  it("orders by a column, in the address", async () => {
    const page = open("/packages", usual());
    await userEvent.click(within(await table()).getByRole("button", { name: "Version" }));
    await waitFor(() => expect(page.address()).toBe("/packages?sort=version"));
    expect(
      within(await table())
        .getByRole("columnheader", { name: /Version/ })
        .getAttribute("aria-sort"),
    ).toBe("ascending");
  });
});

describe("an environment", () => {
  it("lists what is installed, and finds in it", async () => {
    const page = open(`/environments/${environment.id}`, usual());
    const list = () => screen.findByRole("table", { name: "Installed packages" });
    expect(within(await list()).getAllByRole("row")).toHaveLength(3);
    expect(screen.getByText("2 packages: 1 pip, 1 conda")).toBeTruthy();
    expect(screen.getAllByText("CPython 3.11.7").length).toBeGreaterThan(0);
    await userEvent.type(screen.getByLabelText("Find a package"), "conda");
    await waitFor(() => expect(page.address()).toContain("?q=conda"));
    expect(within(await list()).getAllByRole("row")).toHaveLength(2);
    await userEvent.click(within(await list()).getByRole("link", { name: "pandas" }));
    await waitFor(() => expect(page.address()).toBe("/packages?name=pandas"));
  });

  it("says so where there is none", async () => {
    open("/environments/none", usual());
    expect(await screen.findByText("There is no such environment, or it is not yours to see.")).toBeTruthy();
  });

  it("waits with its frame, and says what is wrong", async () => {
    open(`/environments/${environment.id}`, { ...usual(), [`GET /environments/${environment.id}`]: "never" });
    expect(await screen.findByText("Loading the environment")).toBeTruthy();
  });
});
