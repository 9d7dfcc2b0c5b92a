import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breaches, LOOKS, openPage, overflow, startBrowser, type Watched } from "./browser";
import { fairly, paceOf, paceWords } from "./pace";
import { newUser, type Server, startServer } from "./server";
import { reportWork } from "./telemetry";

let server: Server;
let browser: Browser;
let desk: Watched;
let session: Awaited<ReturnType<Watched["context"]["storageState"]>>;

const LOAD = "/home/ana/jobs/load.py";

/** The explorer's table. */
const table = (page: Page) => page.getByRole("table", { name: /^Cost by / });

/** Billionths of an amount that is written with all of them. */
function nanos(text: string): bigint {
  const digits = /\$([\d,]+)\.(\d{9})\b/.exec(text);
  if (!digits) throw new Error(`no exact amount in "${text}"`);
  return BigInt((digits[1] ?? "").replaceAll(",", "") + digits[2]);
}

/** The total of what is on the screen, as its explanation writes it. */
async function exactTotal(page: Page): Promise<bigint> {
  await page.locator("tfoot").getByRole("button").click();
  const dialog = page.getByRole("dialog");
  const text = (await dialog.locator("dd").first().textContent()) ?? "";
  await dialog.getByRole("button", { name: "Close" }).click();
  return nanos(text.slice(text.lastIndexOf("=")));
}

/** The cost of the rows of a CSV file, in billionths. */
function csvTotal(text: string): { total: bigint; rows: number } {
  const [header = "", ...rows] = text.trim().split("\n");
  const at = header.split(",").indexOf("cost_nanos");
  expect(at).toBeGreaterThan(0);
  // No value of these files holds a comma.
  return { total: rows.reduce((sum, row) => sum + BigInt(row.split(",")[at] ?? ""), 0n), rows: rows.length };
}

beforeAll(async () => {
  server = await startServer();
  const code = async () => (await server.link()).split("#code=")[1] ?? "";
  for (const path of ["/research", "/research/genomics"]) await server.cli("group", "create", path);
  await reportWork(server.url, await code(), "features", [
    { file: "/home/ana/jobs/features.py", lines: 60, text: true },
    { file: LOAD, lines: 30, text: true },
  ]);
  // What was announced before has nobody to pay for it.
  await server.cli("group", "add", "/research/genomics", "admin");
  await reportWork(server.url, await code(), "nightly", [
    { file: LOAD, lines: 40 },
    { file: "/home/ben/report/plots.py", lines: 25 },
  ]);
  // A code base whose lines are more than one answer lists.
  const many = Array.from({ length: 100 }, (_, at) => ({
    file: `/srv/shop/part${at % 9}/module_${at}.py`,
    lines: 130,
  }));
  await reportWork(server.url, await code(), "monorepo", many);
  browser = await startBrowser();
  desk = await openPage(browser);
  await desk.page.goto(await server.link());
  await desk.page.getByRole("navigation", { name: "Main" }).waitFor();
  session = await desk.context.storageState();
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
}, 120_000);

describe("the explorer in the browser", () => {
  it("leads from the organisation to a line of code, and no step loses a billionth", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Explore", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Explore costs" }).waitFor();
    let wanted: bigint | undefined;
    for (const [caption, row] of [
      ["Cost by group", "/research/genomics"],
      ["Cost by user", "admin"],
      ["Cost by cluster name", "nightly"],
      ["Cost by operation", "Read CSV"],
      ["Cost by file", "…/jobs/load.py"],
      ["Cost by line", undefined],
    ] as const) {
      await page.getByRole("table", { name: caption, exact: true }).waitFor();
      const total = await exactTotal(page);
      if (wanted !== undefined) expect(total, caption).toBe(wanted);
      if (row === undefined) break;
      const line = table(page).locator("tbody tr", { has: page.getByRole("link", { name: row, exact: true }) });
      wanted = nanos((await line.getAttribute("title")) ?? "");
      await line.getByRole("link", { name: row, exact: true }).click();
    }
    const way = page.getByRole("navigation", { name: "Way down" });
    expect(await way.textContent()).toBe(
      "Fjordlight ›group /research/genomics ›user admin ›cluster name nightly ›operation Read CSV ›file …/jobs/load.py, by line",
    );
    // The link alone is the question.
    const again = await openPage(browser, { storageState: session });
    await again.page.goto(page.url());
    await again.page.getByRole("table", { name: "Cost by line", exact: true }).waitFor();
    expect(await exactTotal(again.page)).toBe(wanted);
    await again.context.close();
  });

  it("begins with users for a lead of one group, and with their own clusters for who leads none", async () => {
    for (const [name, caption, ...role] of [
      ["lea", "Cost by user", "--lead"],
      ["ben", "Cost by cluster name"],
    ] as const) {
      const link = await newUser(server, name);
      await server.cli("group", "add", "/research/genomics", name, ...role);
      const { page, context, complaints } = await openPage(browser);
      await page.goto(link);
      await page.getByRole("link", { name: "Explore", exact: true }).click();
      await page.getByRole("region", { name: caption, exact: true }).waitFor();
      // Leads see what their group pays for; others here have nothing of their own.
      const found =
        role.length > 0
          ? page.getByRole("link", { name: "admin", exact: true })
          : page.getByText("Nothing was spent on that.");
      await found.waitFor();
      expect(complaints).toEqual([]);
      await context.close();
    }
  });

  it("exports what it shows: every file's total is the screen's", async () => {
    const { page } = desk;
    const total = await exactTotal(page);
    const shown = await table(page).locator("tbody tr").count();
    for (const [name, begin] of [
      ["CSV", "line,cost_nanos,cost,currency"],
      ["Parquet", "PAR1"],
      ["Arrow", "ARROW1"],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: `Export as ${name}` }).click(),
      ]);
      expect(download.suggestedFilename()).toMatch(
        /^lineitem-cost-line-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.(csv|parquet|arrow)$/,
      );
      const text = await readFile(await download.path(), "latin1");
      expect(text.slice(0, begin.length)).toBe(begin);
      if (name === "CSV") expect(csvTotal(text)).toEqual({ total, rows: shown });
    }
  });

  it("brings a line to its source, and says who paid for it", async () => {
    const { page } = desk;
    await table(page).getByRole("link", { name: "…/jobs/load.py:4", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Code" }).waitFor();
    // The cluster that is asked about never sent the text, so only the lines that cost money are known.
    await page.getByText("This file's text is not here.").waitFor();
    await page.getByRole("button", { name: "Clear all" }).click();
    const source = page.getByRole("region", { name: `Source of ${LOAD}` });
    await source.locator(`[data-line="4"].on`).waitFor();
    expect((await source.locator(`[data-line="5"] code`).textContent())?.trim()).toBe("step(5)");
    await page.getByText(/^As cluster features had it/).waitFor();
    const payers = page.getByRole("table", { name: /^Cost of the line/ });
    expect(await payers.locator("tbody tr").allTextContents()).toHaveLength(2);
    await page.getByRole("link", { name: "Explore this line" }).click();
    await page.getByRole("table", { name: "Cost by user, then cluster name", exact: true }).waitFor();
  });

  it("lists 10,000 rows and answers to the reader within a second and a half", async () => {
    const { page } = desk;
    const pace = await paceOf(server, page, "/explore?by=line&all=yes", async () => {
      // Interactive: what is pressed happens.
      await page.getByRole("button", { name: "Next rows" }).click();
      await page.getByText("Page 2 of 100").waitFor();
    });
    console.info(`10,000 rows: ${paceWords(pace)}`);
    expect(pace.own).toBeGreaterThan(0);
    expect(fairly(pace)).toBeLessThan(1500);
    expect(await page.getByText(/^and [\d,]+ more lines/).count()).toBe(1);
    // Rows, other pages and the rest are the total.
    const cells = await table(page)
      .locator("tbody tr")
      .evaluateAll((rows) => rows.map((row) => row.lastElementChild?.textContent ?? ""));
    const total = (await table(page).locator("tfoot td").last().textContent()) ?? "";
    const decimals = total.split(".")[1]?.length ?? 0;
    const units = (text: string) =>
      text.includes("<") ? 0 : Math.round(Number(text.replace(/[$,]/g, "")) * 10 ** decimals);
    expect(cells.reduce((sum, cell) => sum + units(cell), 0)).toBe(units(total));
  });

  it("shows money over time and across, and the code's change against the period before", async () => {
    const { page } = desk;
    await page.goto(`${server.url}/explore?by=operation&view=time&period=7d`);
    await page.getByRole("img", { name: /^Cost by day/ }).waitFor();
    expect(
      await page.getByRole("list", { name: "The dearest operations" }).getByRole("listitem").allTextContents(),
    ).toContain("Read CSV");
    await page.goto(`${server.url}/explore?by=name,operation&view=pivot`);
    await page.getByRole("table", { name: "Cost by cluster name down and operation across" }).waitFor();
    await page.goto(`${server.url}/code?against=before&paint=change`);
    await page.getByRole("table", { name: /^Change of cost by line/ }).waitFor();
    await page.getByRole("radio", { name: "Work" }).waitFor();
    expect(desk.complaints).toEqual([]);
  });

  for (const { width, scheme } of LOOKS) {
    it(`can be used by all, ${width} wide and ${scheme}`, async () => {
      const look = await openPage(browser, {
        storageState: session,
        viewport: { width, height: 900 },
        colorScheme: scheme,
      });
      for (const [path, ready] of [
        ["/explore?by=operation&where=name%3Dfeatures", "Cost by operation"],
        ["/explore?by=operation&view=time&period=7d", "Cost by operation"],
        ["/explore?by=name,operation&view=pivot", "Cost by cluster name down and operation across"],
        [
          `/code?file=${encodeURIComponent(LOAD)}&line=4&against=before&paint=change`,
          "Change of cost by line, largest rise first",
        ],
      ] as const) {
        await look.page.goto(server.url + path);
        await look.page.getByRole("table", { name: ready, exact: true }).waitFor();
        await look.page.waitForLoadState("networkidle");
        if (process.env.SHOTS) {
          const name = `${path.split("?")[0]?.slice(1)}-${/view=(\w+)/.exec(path)?.[1] ?? "table"}-${width}-${scheme}`;
          await look.page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
        }
        expect(await breaches(look.page), path).toEqual([]);
        expect(await overflow(look.page), path).toBeLessThanOrEqual(0);
      }
      expect(look.complaints).toEqual([]);
      await look.context.close();
    });
  }
});
