import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { weekOf } from "#/features/reports/weeks";
import { breaches, LOOKS, openPage, overflow, startBrowser, type Watched } from "./browser";
import { type Server, startServer } from "./server";

/** The part of the API's bill that is compared with the page. */
interface Bill {
  total_nanos: number;
  unknown_nanos: number;
  lines: {
    file: string;
    line: number;
    origin_file: string;
    origin_line: number;
    origin_text: string;
    cost_nanos: number;
  }[];
  categories: { cost_nanos: number }[];
}

let server: Server;
let browser: Browser;
let desk: Watched;
let bill: Bill;
let clusterId: string;
let watchedId: string;
let environmentId: string;
let session: Awaited<ReturnType<Watched["context"]["storageState"]>>;

beforeAll(async () => {
  server = await startServer();
  // The demo runs on this server and leaves its cluster in the list.
  const [started, printed] = await Promise.all([startBrowser(), server.cli("demo", "--once", "-o", "json")]);
  browser = started;
  clusterId = (JSON.parse(printed) as { cluster_id: string }).cluster_id;
  desk = await openPage(browser);
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
}, 120_000);

/** The line that created the dearest work, with all that it created. */
function dearestOrigin(): { file: string; line: number; text: string; cost_nanos: number } {
  const sums = new Map<string, { file: string; line: number; text: string; cost_nanos: number }>();
  for (const entry of bill.lines) {
    const { origin_file: file, origin_line: line, origin_text: text } = entry;
    const sum = sums.get(`${file}:${line}`) ?? { file, line, text, cost_nanos: 0 };
    sum.cost_nanos += entry.cost_nanos;
    sums.set(`${file}:${line}`, sum);
  }
  const [first] = [...sums.values()].sort((a, b) => b.cost_nanos - a.cost_nanos);
  if (!first) throw new Error("the demo's bill has no line");
  return first;
}

/** The week that runs. */
const thisWeek = () => weekOf(new Date(), "UTC");

const billTable = (page: Page) => page.getByRole("table", { name: /^Cost by .* dearest first/ });

/** Displayed dollars, and the least amount that their decimals can show. */
function dollars(text: string): { amount: number; unit: number } {
  const digits = /\$([\d,]+(?:\.(\d+))?)/.exec(text);
  if (!digits?.[1]) throw new Error(`no amount in "${text}"`);
  return { amount: Number(digits[1].replaceAll(",", "")), unit: 10 ** -(digits[2]?.length ?? 0) };
}

describe("the demo's bill in the browser", () => {
  it("is behind the sign-in", async () => {
    await desk.page.goto(`${server.url}/clusters/${clusterId}?log=scheduler`);
    await desk.page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    expect(new URL(desk.page.url()).searchParams.get("to")).toBe(`/clusters/${clusterId}?log=scheduler`);
  });

  it("opens with the printed link, which works once", async () => {
    const link = await server.link();
    await desk.page.goto(link);
    await desk.page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    expect(desk.page.url()).not.toContain("code");
    session = await desk.context.storageState();
    expect(session.cookies.find(({ name }) => name === "lineitem_session")).toMatchObject({ httpOnly: true });

    const other = await openPage(browser);
    await other.page.goto(link);
    await other.page.getByRole("alert").waitFor();
    expect(await other.page.getByRole("heading", { level: 1 }).textContent()).toBe("Sign in");
    await other.context.close();
  });

  it("shows the dearest line with the cost that the API gives", async () => {
    bill = (await (await desk.page.request.get(`${server.url}/api/v1/clusters/${clusterId}/bill`)).json()) as Bill;
    const first = dearestOrigin();
    await desk.page
      .getByRole("navigation", { name: "Main" })
      .getByRole("link", { name: /^Clusters/ })
      .click();
    await desk.page.getByRole("table", { name: "Clusters" }).getByRole("link").first().click();

    const row = billTable(desk.page).locator("tbody tr").first();
    await row.waitFor();
    expect(await row.locator("td").first().textContent()).toContain(first.text);
    expect(await row.locator("td").nth(1).textContent()).toContain(`${first.file.split("/").at(-1)}:${first.line}`);
    const { amount, unit } = dollars((await row.locator("td").last().textContent()) ?? "");
    expect(Math.abs(amount - first.cost_nanos / 1e9)).toBeLessThan(unit);
  });

  it("adds up as printed", async () => {
    const table = billTable(desk.page);
    const showAll = table.getByRole("button", { name: "Show all" });
    if (await showAll.isVisible()) await showAll.click();
    const printed = await table.locator("tr").evaluateAll((rows) =>
      rows.slice(1).map((row) => ({
        name: row.firstElementChild?.textContent ?? "",
        cost: row.lastElementChild?.textContent ?? "",
      })),
    );
    const total = printed.at(-1);
    expect(total?.name).toBe("Total");
    const { amount, unit } = dollars(total?.cost ?? "");
    const units = (text: string) => (text.includes("<") ? 0 : Math.round(dollars(text).amount / unit));
    const parts = printed.slice(0, -1).filter(({ name }) => name !== "Lines of code");
    expect(parts.reduce((sum, part) => sum + units(part.cost), 0)).toBe(Math.round(amount / unit));
    expect(Math.abs(amount - bill.total_nanos / 1e9)).toBeLessThanOrEqual(unit / 2 + 1e-12);
    // And what the API gives is exact.
    const exact = [...bill.lines, ...bill.categories].reduce((sum, part) => sum + part.cost_nanos, bill.unknown_nanos);
    expect(exact).toBe(bill.total_nanos);
  });

  it("stands beside the source, and a line of it can be linked to", async () => {
    const first = dearestOrigin();
    const source = desk.page.getByRole("region", { name: `Source of ${first.file}` });
    const row = source.locator(`[data-line="${first.line}"]`);
    await row.waitFor();
    expect((await row.locator("code").textContent())?.trim()).toBe(first.text);
    await row.getByRole("link").click();
    await desk.page.getByRole("region", { name: `${first.file.split("/").at(-1)}:${first.line}` }).waitFor();

    const again = await openPage(browser, { storageState: session });
    await again.page.goto(desk.page.url());
    await again.page.getByRole("region", { name: `${first.file.split("/").at(-1)}:${first.line}` }).waitFor();
    expect(again.complaints).toEqual([]);
    await again.context.close();
  });

  it("says how it was computed, and Esc leads back", async () => {
    const total = billTable(desk.page).getByRole("button", { name: /^\$/ });
    await total.click();
    const dialog = desk.page.getByRole("dialog", { name: "How is this computed?" });
    await dialog.waitFor();
    expect(await dialog.textContent()).toContain(`/api/v1/clusters/${clusterId}/bill`);
    expect(await dialog.textContent()).toContain((bill.total_nanos / 1e9).toFixed(9));
    expect(await breaches(desk.page)).toEqual([]);
    await desk.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(await total.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it("needs no mouse", async () => {
    const { page, context } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters`);
    await page.getByRole("table", { name: "Clusters" }).waitFor();
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    expect(await focused()).toBe("Skip to content");
    await page.keyboard.press("/");
    await page.keyboard.type("flights");
    await page.waitForURL(/q=flights/);
    for (let presses = 0; presses < 20 && !(await focused()).startsWith("flights"); presses += 1)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await billTable(page).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("no such line");
    await page.getByText(/other lines/).waitFor();
    await context.close();
  });

  it("opens to the lines inside a line and to their tasks, and adds up on each level, by keyboard alone", async () => {
    const { page } = desk;
    const table = billTable(page);
    const { unit } = dollars((await table.locator("tfoot td").last().textContent()) ?? "");
    const costs = async (rows: string) =>
      (await table.locator(`${rows} td:last-child`).allTextContents()).map((text) =>
        text.includes("<") ? 0 : Math.round(dollars(text).amount / unit),
      );
    const [whole] = await costs("tbody tr");
    const twist = table.getByRole("button", { name: /^What is inside/ }).first();
    await twist.focus();
    await page.keyboard.press("Enter");
    await table.locator("tr.d1").first().waitFor();
    const more = table.locator("tr.d1").getByRole("button", { name: "Show all" });
    if (await more.isVisible()) await more.click();
    const inside = await costs("tr.d1");
    expect(inside.reduce((sum, cost) => sum + cost, 0)).toBe(whole);
    await table.locator("tr.d1 .twist").first().press("Enter");
    await table.locator("tr.d2").first().waitFor();
    expect((await costs("tr.d2")).reduce((sum, cost) => sum + cost, 0)).toBe(inside[0]);
    expect(await breaches(page)).toEqual([]);
    await twist.press("Enter");
    await table.locator("tr.d1").first().waitFor({ state: "detached" });
  });

  it("switches what its rows are, in the address, and keeps its total", async () => {
    const { page } = desk;
    const total = await billTable(page).locator("tfoot td").last().textContent();
    for (const [words, by] of [
      ["By line", "line"],
      ["By operation", "operation"],
      ["By library", "library"],
    ] as const) {
      await page.getByText(words, { exact: true }).click();
      await page.waitForURL(new RegExp(`by=${by}`));
      await page.getByRole("table", { name: new RegExp(`^Cost by ${by}`) }).waitFor();
      expect(await billTable(page).locator("tfoot td").last().textContent()).toBe(total);
    }
    await page.goBack();
    await page.getByRole("table", { name: /^Cost by operation/ }).waitFor();
    await page.getByText("By origin", { exact: true }).click();
  });

  it("reports how much of the work stands on the line that created it", async () => {
    const { page } = desk;
    const answer = (await (await page.request.get(`${server.url}/api/v1/clusters/${clusterId}/bill`)).json()) as {
      origin_seconds: number;
      work_seconds: number;
    };
    const figure = page.getByTitle(/Share of the work that stands/);
    const shown = Number.parseFloat((await figure.textContent()) ?? "");
    expect(Math.abs(shown - (100 * answer.origin_seconds) / answer.work_seconds)).toBeLessThan(0.11);
    await figure.click();
    await page.getByRole("dialog").getByText("How the line was found").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
  });

  it("says who asked for what, what was read, and what was used", async () => {
    const { page } = desk;
    const list = (await (await page.request.get(`${server.url}/api/v1/clusters/${clusterId}/submissions`)).json()) as {
      items: { line: number }[];
    };
    const submissions = page.getByRole("table", { name: "Submissions" });
    expect(
      await submissions
        .getByText(/submissions?$/)
        .last()
        .textContent(),
    ).toContain(String(list.items.length));
    await page.getByLabel("Find a submission").fill("no such person");
    await page.waitForURL(/sub=/);
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await page
      .getByRole("table", { name: /^Files read and written/ })
      .getByRole("cell", { name: /^CSV/ })
      .first()
      .waitFor();
    const used = page.getByRole("table", { name: /^What each process used/ });
    await used.getByRole("row", { name: /^w-0/ }).locator("span", { hasText: "at most" }).first().waitFor();
  });

  it("complained of nothing", () => {
    expect(desk.complaints).toEqual([]);
  });
});

describe("the code page in the browser", () => {
  const picture = (page: Page) => page.getByRole("application", { name: /boxes as wide as their money/ });

  it("is opened from the bill, shows its exact total, and leads to the dearest line by keys alone", async () => {
    const first = dearestOrigin();
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters/${clusterId}`);
    await page.getByRole("link", { name: "Open the code page" }).click();
    const said = page.locator(".said");
    await said.waitFor();
    expect(await said.textContent()).toContain((bill.total_nanos / 1e9).toFixed(9));
    await picture(page).focus();
    for (let level = 0; level < 3; level += 1) await page.keyboard.press("ArrowDown");
    expect(await said.textContent()).toContain(`:${first.line} `);
    expect(await said.textContent()).toContain((first.cost_nanos / 1e9).toFixed(9));
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("line") === String(first.line));
    await page.getByRole("region", { name: `${first.file.split("/").at(-1)}:${first.line}` }).waitFor();
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => url.searchParams.get("zoom")?.includes("#") === true);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => !url.searchParams.has("zoom"));
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("draws work solid and idle as a pattern, sharp on any screen, and again in another theme", async () => {
    const { page, context } = await openPage(browser, {
      storageState: session,
      colorScheme: "light",
      deviceScaleFactor: 2,
    });
    await page.goto(`${server.url}/clusters/${clusterId}/code`);
    await picture(page).waitFor();
    const drawn = () =>
      page.locator(".flame canvas").evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const colours = new Set<number>();
        const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
        for (let at = 0; at < data.length; at += 4) {
          colours.add(((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0));
        }
        return { ratio: canvas.width / canvas.clientWidth, colours: [...colours] };
      });
    const light = await drawn();
    expect(light.ratio).toBeCloseTo(2, 1);
    // The style sheet's --idle-ink, which only the hatch has.
    expect(light.colours).toContain(0x9b9b93);
    await page.getByText("Dark", { exact: true }).click();
    await page.waitForFunction(() => getComputedStyle(document.body).backgroundColor !== "rgb(246, 246, 243)");
    const dark = await drawn();
    expect(dark.colours).toContain(0x74746d);
    expect(dark.colours).not.toContain(0x9b9b93);
    await context.close();
  });

  it("zooms where it is clicked, and finds what is searched", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters/${clusterId}/code`);
    await picture(page).click({ position: { x: 40, y: 37 } });
    await page.getByRole("navigation", { name: /inside of/ }).waitFor();
    await page.goBack();
    await page.waitForURL((url) => !url.searchParams.has("zoom"));
    await page.keyboard.press("/");
    await page.keyboard.type("flights.py");
    const found = page.getByText(/of the bill, in/);
    await found.waitFor();
    const lines = bill.lines.filter((entry) => entry.origin_file.endsWith("flights.py"));
    const sum = lines.reduce((total, entry) => total + entry.cost_nanos, 0);
    const { amount, unit } = dollars((await found.textContent()) ?? "");
    expect(Math.abs(amount - sum / 1e9)).toBeLessThan(unit);
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("the overview in the browser", () => {
  it("shows the total that the API gives, split so that it adds up", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    const answered = page.waitForResponse((response) => response.url().includes("/api/v1/overview"));
    await page.goto(server.url);
    const overview = (await (await answered).json()) as { total_nanos: number; split: { cost_nanos: number }[] };
    expect(overview.split.reduce((sum, part) => sum + part.cost_nanos, 0)).toBe(overview.total_nanos);
    expect(overview.total_nanos).toBeGreaterThanOrEqual(bill.total_nanos);
    const split = page.getByRole("table", { name: /^Spend by kind of work/ });
    await split.waitFor();
    const rows = await split
      .locator("tr:not(.mute)")
      .evaluateAll((all) => all.map((row) => row.children[1]?.textContent));
    const { amount, unit } = dollars(rows.pop() ?? "");
    expect(Math.abs(amount - overview.total_nanos / 1e9)).toBeLessThanOrEqual(unit / 2 + 1e-12);
    const units = rows.map((text = "") => (text?.includes("<") ? 0 : Math.round(dollars(text ?? "").amount / unit)));
    expect(units.reduce((sum, part) => sum + part, 0)).toBe(Math.round(amount / unit));
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("leads to the dearest line, and says how figures came about", async () => {
    const first = dearestOrigin();
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(server.url);
    const lines = page.getByRole("table", { name: /^Lines of code by cost/ });
    await lines.waitFor();
    expect(await lines.locator("tbody tr").first().textContent()).toContain(first.text);
    await lines.getByRole("button", { name: /^\$/ }).click();
    const dialog = page.getByRole("dialog", { name: "How is this computed?" });
    await dialog.getByRole("link", { name: "the dearest lines", exact: true }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await lines.getByRole("link").first().click();
    await page.waitForURL((url) => url.searchParams.get("line") === String(first.line));
    await page.getByRole("heading", { level: 1, name: /^Code of flights/ }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("has another period in its address, and a report for printing", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/?days=7`);
    await page.getByRole("region", { name: "The period in figures" }).waitFor();
    await page.getByRole("button", { name: "The month before" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Weekly report" }).click();
    await page.getByRole("heading", { level: 1, name: "Weekly report" }).waitFor();
    await page.getByLabel("Week", { exact: true }).selectOption(thisWeek());
    await page.getByRole("region", { name: "The week in figures" }).waitFor();
    const address = await page.getByRole("link", { name: "Print or PDF" }).getAttribute("href");
    await page.goto(server.url + address);
    await page.getByRole("heading", { name: "Waste, and who can mend it" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("packages in the browser", () => {
  it("are found by name and range, and lead to their environment and back", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters`);
    await page.getByRole("link", { name: "Packages" }).click();
    await page.getByRole("table", { name: "Packages" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("pandas");
    await page.waitForURL(/name=pandas/);
    const rows = page.getByRole("table", { name: "Packages" }).locator("tbody tr");
    await page.getByText(/^1 row/).waitFor();
    expect(await rows.first().textContent()).toContain("flights");
    expect(await rows.first().textContent()).toContain("seen running");

    await page.getByLabel("Version range").fill(">>1");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toContain("PEP 440");
    expect(await breaches(page)).toEqual([]);
    await page.getByLabel("Version range").fill("<0.1");
    await page.getByText(/^No package matches/).waitFor();
    await page.getByLabel("Version range").fill(">=1");
    await rows.first().waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    expect(await readFile(await (await download).path(), "utf8")).toContain("pandas,");

    await rows.first().getByRole("link", { name: /^3\./ }).click();
    await page.getByRole("heading", { level: 1, name: /^Environment/ }).waitFor();
    await page.getByLabel("Find a package").fill("numpy");
    await page.waitForURL(/q=numpy/);
    await page.getByRole("link", { name: "numpy", exact: true }).click();
    await page.waitForURL(/name=numpy/);
    environmentId = await page.evaluate(async () => {
      const answer = (await (await fetch("/api/v1/packages?name=numpy")).json()) as {
        items: { environment: string }[];
      };
      return answer.items[0]?.environment ?? "";
    });
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("SQL in the browser", () => {
  it("is written with help, run by keyboard, exported, and refused with a sentence", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters`);
    await page.getByRole("link", { name: "SQL", exact: true }).click();
    const editor = page.getByRole("textbox", { name: "Statement" });
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("select cluster, sum(cost_nanos) as nanos from lines group by all order by nanos desc");
    await page.keyboard.press("Control+Enter");
    const answer = page.getByRole("table", { name: "Answer" });
    await answer.waitFor();
    expect(await answer.textContent()).toContain("flights");
    expect(page.url()).toContain("/sql?q=select+cluster");
    const spent = await page.evaluate(async () => {
      const told = (await (await fetch("/api/v1/cost/breakdown?by=name")).json()) as { rows: { keys: string[] }[] };
      return told.rows[0]?.keys[0];
    });
    expect(await answer.locator("tbody tr").first().textContent()).toContain(spent);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    expect(await readFile(await (await download).path(), "utf8")).toMatch(/^flights-\w+,\d+\r$/m);
    const parquet = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as Parquet" }).click();
    expect((await readFile(await (await parquet).path())).subarray(0, 4).toString()).toBe("PAR1");
    expect(await breaches(page)).toEqual([]);

    await page.getByText("What each process cost").click();
    await page.getByRole("button", { name: "price_source" }).waitFor();
    await page.goto(`${server.url}/sql?q=${encodeURIComponent("copy lines to '/tmp/x'")}`);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toContain("Only SELECT");
    expect(await breaches(page)).toEqual([]);
    // The policy refuses one inline style that the editor asks for while it is typed into; nothing is seen to depend on it.
    expect(complaints.filter((complaint) => !complaint.includes("Applying inline style"))).toEqual([]);
    await context.close();
  });
});

describe("a watched cluster in the browser", () => {
  it("says how it is watched, and offers no change", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters`);
    await page.getByRole("table", { name: "Clusters" }).waitFor();
    await page.evaluate(async () => {
      const body = {
        name: "elsewhere",
        deployment: "jobqueue",
        method: "sampled",
        scheduler_address: "tcp://10.0.0.4:8786",
        scheduler_id: "Scheduler-e2e",
      };
      await fetch("/api/v1/clusters/watched", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    });
    await page.getByRole("link", { name: "elsewhere", exact: true }).click();
    await page.getByText("can neither scale nor stop it").waitFor();
    await page.getByText("watched, dask-jobqueue").waitFor();
    await page.getByText("sampled from outside", { exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "Stop…" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Scale…" }).count()).toBe(0);
    expect(await breaches(page)).toEqual([]);
    watchedId = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe.each(LOOKS)("at $width px, $scheme", ({ width, scheme }) => {
  const pages = [
    ["overview", () => "/", "Overview"],
    ["clusters", () => "/clusters", "Clusters"],
    ["cluster", () => `/clusters/${clusterId}`, /flights/],
    [
      "cluster-line",
      () => `/clusters/${clusterId}?file=${encodeURIComponent(dearestOrigin().file)}&line=${dearestOrigin().line}`,
      /flights/,
    ],
    ["cluster-operations", () => `/clusters/${clusterId}?by=operation`, /flights/],
    ["watched", () => `/clusters/${watchedId}`, /elsewhere/],
    ["code", () => `/clusters/${clusterId}/code`, /^Code of flights/],
    [
      "code-line",
      () =>
        `/clusters/${clusterId}/code?loaded=yes&file=${encodeURIComponent(dearestOrigin().file)}&line=${dearestOrigin().line}`,
      /^Code of flights/,
    ],
    ["code-search", () => `/clusters/${clusterId}/code?q=read&zoom=rest:idle`, /^Code of flights/],
    ["code-against", () => `/clusters/${clusterId}/code?against=${watchedId}`, /^Code of flights/],
    ["code-empty", () => `/clusters/${watchedId}/code`, /^Code of elsewhere/],
    ["packages", () => "/packages?grade=imported", "Packages"],
    ["packages-refused", () => "/packages?version=%3E%3E1", "Packages"],
    ["environment", () => `/environments/${environmentId}?q=p`, /^Environment/],
    ["reports", () => `/reports?week=${thisWeek()}`, "Weekly report"],
    ["sql", () => "/sql", "SQL"],
    ["missing", () => "/clusters/none", "No such cluster"],
    ["missing-environment", () => "/environments/none", "No such environment"],
    ["tokens", () => "/tokens", "Tokens"],
    ["nowhere", () => "/nowhere", "There is no such page"],
    ["signin", () => "/signin", "Sign in"],
  ] as const;

  it.each(pages)("%s is accessible, fits and is drawn", async (name, address, heading) => {
    const options = name === "signin" ? {} : { storageState: session };
    const { page, context, complaints } = await openPage(browser, {
      ...options,
      viewport: { width, height: 844 },
      colorScheme: scheme,
    });
    await page.goto(server.url + address());
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    if (name.startsWith("cluster-") || name === "cluster") {
      await page.locator(".src").waitFor();
      await page
        .getByRole("button", { name: /^What is inside/ })
        .first()
        .click();
    }
    if (name.startsWith("code")) await page.locator(".said, .state").first().waitFor();
    await page.waitForLoadState("networkidle");
    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await page.screenshot({ path: `test-results/shots/${name}-${width}-${scheme}.png`, fullPage: true });
    await context.close();
  });
});

describe("the theme", () => {
  it("is chosen, and stays chosen", async () => {
    const { page, context } = await openPage(browser, { storageState: session, colorScheme: "light" });
    await page.goto(`${server.url}/clusters`);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.getByRole("radio", { name: "Dark" }).waitFor();
    const light = await background();
    await page.getByText("Dark", { exact: true }).click();
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.getByRole("radio", { name: "Dark", checked: true }).waitFor();
    expect(await background()).toBe(dark);
    await context.close();
  });
});

describe("changes from the browser", () => {
  it("make and revoke a token that works until then", async () => {
    const { page, context } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/tokens`);
    await page.getByLabel("What it is for").fill("browser test");
    await page.getByRole("button", { name: "Create token" }).click();
    const secret = (await page.locator("pre.code").textContent()) ?? "";
    const status = async () =>
      (await fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${secret}` } })).status;
    expect(await status()).toBe(200);
    await page.getByRole("button", { name: "Revoke browser test" }).click();
    await page.getByRole("button", { name: "Revoke token" }).click();
    await page.getByRole("row", { name: /browser test/ }).waitFor({ state: "detached" });
    expect(await status()).toBe(401);
    await context.close();
  });

  it("scale and stop a live cluster", async () => {
    const { page, context, complaints } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/clusters`);
    const made = await page.evaluate(async () => {
      const response = await fetch("/api/v1/clusters", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name: "live", options: { n_workers: 1 } }),
      });
      return (await response.json()) as { id: string };
    });
    // The list shows it without a reload.
    await page.getByRole("link", { name: "live", exact: true }).click();
    await page.getByText("1 of 1").waitFor({ timeout: 120_000 });

    await page.getByRole("button", { name: "Scale…" }).click();
    const wanted = page.getByLabel("Workers wanted");
    await wanted.fill("2");
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Scale", exact: true }).click();
    await page.getByText("2 of 2").waitFor({ timeout: 120_000 });

    await page.getByRole("button", { name: "Stop…" }).click();
    const dialog = page.getByRole("dialog", { name: "Stop live?" });
    expect(await dialog.textContent()).toMatch(/\$[\d.]+\/h is no longer paid/);
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Stop cluster" }).click();
    await page.getByText("stopped", { exact: true }).first().waitFor({ timeout: 120_000 });
    const cluster = (await (await page.request.get(`${server.url}/api/v1/clusters/${made.id}`)).json()) as {
      target: string;
    };
    expect(cluster.target).toBe("stopped");
    expect(complaints).toEqual([]);
    await context.close();
  });

  it("end with signing out, and the way back is kept", async () => {
    const { page, context } = await openPage(browser, { storageState: session });
    await page.goto(`${server.url}/tokens`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    expect(new URL(page.url()).searchParams.get("to")).toBe("/tokens");
    await page.getByLabel("Sign-in link or its code").fill(await server.link());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Tokens" }).waitFor();
    await context.close();
  });
});
