import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { CODE_BY } from "#/features/spendcode/bill";
import { type FakeServer, open, usual } from "../../tests/app";
import { spent } from "../../tests/data";

const FILE = "/home/ana/load.py";
const row = (keys: string[], cost_nanos: number) => ({ keys, cost_nanos, thread_seconds: 60, cpu_seconds: 30 });

/** A server that answers each question of cost by its dimensions. */
function answers(before = 400_000_000): FakeServer["answers"] {
  const now = [
    row([FILE, `${FILE}:14`, "load", "read.csv"], 600_000_000),
    row([FILE, `${FILE}:31`, "means", "groupby"], 300_000_000),
    row(["", "", "", "idle.no_work"], 100_000_000),
  ];
  const then = [row([FILE, `${FILE}:14`, "load", "read.csv"], before), row(["", "", "", "idle.no_work"], 100_000_000)];
  let asked = 0;
  return {
    ...usual(),
    "GET /cost/breakdown": (_, query) => {
      if (query.includes("by=day,cluster")) {
        return {
          body: spent(["day", "cluster"], [row(["2026-11-18", "c0"], 1), row(["2026-11-19", "c1"], 1)], {
            names: { c1: "backtest" },
          }),
        };
      }
      if (query.includes("by=user,name")) {
        return { body: spent(["user", "name"], [row(["ana", "backtest"], 600_000_000)]) };
      }
      asked += 1;
      return { body: spent([...CODE_BY], query.includes("until=") && asked > 1 ? then : now) };
    },
    "GET /clusters/c1/source": { body: { file: FILE, sha256: "", text: "x = 1\n".repeat(40) } },
  };
}

const picture = () => screen.findByRole("application", { name: /^Fjordlight, .*\$1\.00: boxes/ });

describe("the code page of all clusters", () => {
  it("draws the money of a period, with the source of the newest cluster that has it", async () => {
    open("/code", answers());
    expect(await picture()).toBeTruthy();
    const source = await screen.findByRole("region", { name: `Source of ${FILE}` });
    expect(within(source).getByRole("link", { name: "Line 14, $0.60" })).toBeTruthy();
    expect(screen.getByText(/As cluster backtest had it/)).toBeTruthy();
    const kinds = screen.getByRole("table", { name: /^Cost by operation/ });
    expect(within(kinds).getByText("Group by").closest("tr")?.lastElementChild?.textContent).toBe("$0.30");
  });

  it("says who paid for a chosen line, and leads on to the explorer", async () => {
    const page = open("/code?period=7d", answers());
    const source = await screen.findByRole("region", { name: `Source of ${FILE}` });
    await userEvent.click(within(source).getByRole("link", { name: "Line 14, $0.60" }));
    const payers = await screen.findByRole("table", { name: /^Cost of the line/ });
    expect(within(payers).getByText("backtest").closest("tr")?.lastElementChild?.textContent).toBe("$0.60");
    const link = screen.getByRole("link", { name: "Explore this line" });
    expect(new URLSearchParams(link.getAttribute("href")?.split("?")[1]).get("where")).toBe(`line=${FILE}:14`);
    expect(page.address()).toContain("line=14");
  });

  it("compares with the period before, and paints what changed", async () => {
    const page = open("/code", answers());
    const boxes = await picture();
    await userEvent.click(screen.getByRole("button", { name: /^Compare with/ }));
    const changes = await screen.findByRole("table", { name: /^Change of cost by line/ });
    expect(within(changes).getByText("load.py:31").closest("tr")?.lastElementChild?.textContent).toBe("+$0.30");
    expect(
      within(changes)
        .getByText(/^Total, from/)
        .closest("tr")?.lastElementChild?.textContent,
    ).toBe("+$0.50");
    await userEvent.click(await screen.findByRole("radio", { name: "Change" }));
    await waitFor(() => expect(page.address()).toContain("paint=change"));
    const said = () => document.getElementById(boxes.getAttribute("aria-describedby") ?? "")?.textContent;
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) fireEvent.keyDown(boxes, { key });
    expect(said()).toMatch(/^load\.py:14 .*; \+\$0\.20 \(\+50\u202f%\) against /);
    fireEvent.keyDown(boxes, { key: "ArrowRight" });
    expect(said()).toMatch(/^load\.py:31 .*; new against /);
  });

  it("says that nothing was spent", async () => {
    open("/code", { ...usual(), "GET /cost/breakdown": { body: spent([...CODE_BY], []) } });
    expect(await screen.findByText("Nothing was spent on that.")).toBeTruthy();
  });
});
