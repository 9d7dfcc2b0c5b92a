import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breaches, LOOKS, openPage, overflow, startBrowser, type Watched } from "./browser";
import { type Server, startServer } from "./server";

/** The part of the API's bill that is compared with the page. */
interface Bill {
  total_nanos: number;
  unknown_nanos: number;
  lines: { file: string; line: number; text: string; cost_nanos: number }[];
  categories: { cost_nanos: number }[];
}

let server: Server;
let browser: Browser;
let desk: Watched;
let bill: Bill;
let clusterId: string;
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
    await desk.page.getByRole("heading", { level: 1, name: "Clusters" }).waitFor();
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
    const first = bill.lines[0];
    if (!first) throw new Error("the demo's bill has no line");
    await desk.page.getByRole("table", { name: "Clusters" }).getByRole("link").first().click();

    const row = desk.page
      .getByRole("table", { name: /Cost by line of code/ })
      .locator("tbody tr")
      .first();
    await row.waitFor();
    expect(await row.locator("td").first().textContent()).toContain(first.text);
    expect(await row.locator("td").nth(1).textContent()).toBe(`${first.file.split("/").at(-1)}:${first.line}`);
    const { amount, unit } = dollars((await row.locator("td").last().textContent()) ?? "");
    expect(Math.abs(amount - first.cost_nanos / 1e9)).toBeLessThan(unit);
  });

  it("adds up as printed", async () => {
    const table = desk.page.getByRole("table", { name: /Cost by line of code/ });
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
    const first = bill.lines[0];
    if (!first) throw new Error("the demo's bill has no line");
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
    const total = desk.page.getByRole("table", { name: /Cost by line of code/ }).getByRole("button", { name: /^\$/ });
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
    await page.getByRole("table", { name: /Cost by line of code/ }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("no such line");
    await page.getByText(/other lines/).waitFor();
    await context.close();
  });

  it("complained of nothing", () => {
    expect(desk.complaints).toEqual([]);
  });
});

describe.each(LOOKS)("at $width px, $scheme", ({ width, scheme }) => {
  const pages = [
    ["clusters", () => "/clusters", "Clusters"],
    ["cluster", () => `/clusters/${clusterId}`, /flights/],
    [
      "cluster-line",
      () => `/clusters/${clusterId}?file=${encodeURIComponent(bill.lines[0]?.file ?? "")}&line=${bill.lines[0]?.line}`,
      /flights/,
    ],
    ["missing", () => "/clusters/none", "No such cluster"],
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
    if (name.startsWith("cluster-") || name === "cluster") await page.locator(".src").waitFor();
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
