import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, startBrowser, type Watched } from "./browser";
import { fairly, type Pace, paceOf, paceWords } from "./pace";
import { type Server, startServer } from "./server";
import { reportWork } from "./telemetry";

/** The data folder of a seeded year (docs/seed-year.md); without it a small organisation's is measured. */
const YEAR = process.env.LINEITEM_YEAR;

const INTERACTIVE_MS = 1500;

/** What an answer in full detail over a year may take the server beyond that (docs/seed-year.md). */
const DETAIL_MS = 3000;
const DAY_MS = 86_400_000;

let server: Server;
let browser: Browser;
let desk: Watched;
/** The days of the year, as addresses have them. */
let days: string;
const measured: (Pace & { name: string })[] = [];

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);

beforeAll(async () => {
  browser = await startBrowser();
  if (YEAR) {
    const seeded = JSON.parse(await readFile(join(YEAR, "seed.json"), "utf8")) as Record<
      "since" | "until" | "zone",
      string
    > & { rows: number };
    server = await startServer({ data: YEAR, zone: seeded.zone });
    days = `from=${seeded.since.slice(0, 10)}&to=${dayOf(Date.parse(seeded.until) - DAY_MS)}`;
    console.info(`a year of ${seeded.rows.toLocaleString("en-US")} line-hours, ${days}`);
  } else {
    server = await startServer();
    days = `from=${dayOf(Date.now() - 364 * DAY_MS)}&to=${dayOf(Date.now() + DAY_MS)}`;
    for (const name of ["research", "shop"]) await server.cli("group", "create", `/${name}`);
    await server.cli("group", "add", "/research", "admin");
    const many = Array.from({ length: 100 }, (_, at) => ({ file: `/srv/shop/part${at % 9}/m_${at}.py`, lines: 130 }));
    await reportWork(server.url, (await server.link()).split("#code=")[1] ?? "", "monorepo", many);
  }
  desk = await openPage(browser);
  await desk.page.goto(await server.link());
  await desk.page.getByRole("navigation", { name: "Main" }).waitFor();
}, 300_000);

afterAll(async () => {
  for (const { name, ...pace } of measured) console.info(`${name}: ${paceWords(pace)}`);
  await browser?.close();
  await server?.stop();
}, 120_000);

/** Opens how a page's money was computed: the figures are there, and what is pressed happens. */
const ask = (table: RegExp) => async (page: Page) => {
  await page.getByRole("table", { name: table }).locator("tfoot, tr.total").getByRole("button").last().click();
  await page.getByRole("dialog", { name: "How is this computed?" }).waitFor();
};

const turnPage = async (page: Page) => {
  await page.getByRole("button", { name: "Next rows" }).click();
  await page.getByText(/^Page 2 of /).waitFor();
};

/** Goes one box down in the picture of the money, by keyboard. */
const stepDown = async (page: Page) => {
  const picture = page.getByRole("application", { name: /boxes as wide as their money/ });
  await picture.focus();
  const said = await page.locator(".said").textContent();
  await picture.press("ArrowDown");
  await page.waitForFunction((before) => document.querySelector(".said")?.textContent !== before, said);
};

/** Presses what needs no answer: a page is not to wait for figures before it does what it is told. */
const addFilter = async (page: Page) => {
  await page.getByRole("button", { name: "Add a filter…" }).click();
  await page.getByLabel("Value to keep").waitFor();
};

const chooseMonth = async (page: Page) => {
  await page.getByLabel("Period").selectOption({ index: 1 });
  await page.waitForURL(/month=/);
};

/** Pages that ask about single lines over a long time, which no rollup answers, and what each does before it has its figures. */
const early = (name: string) => {
  if (name === "overview of 90 days") return chooseMonth;
  return /by line|by user and line|^code of the organisation/.test(name) ? addFilter : undefined;
};

const PAGES: readonly (readonly [name: string, address: () => string, press: (page: Page) => Promise<void>])[] = [
  ["overview", () => "/", ask(/^Spend by kind of work/)],
  ["overview of 90 days", () => "/?days=90", ask(/^Spend by kind of work/)],
  ["explorer, where it begins", () => `/explore?${days}`, ask(/^Cost by group/)],
  ["explorer by user", () => `/explore?by=user&${days}`, ask(/^Cost by user/)],
  ["explorer by operation", () => `/explore?by=operation&${days}`, ask(/^Cost by operation/)],
  ["explorer by line", () => `/explore?by=line&${days}`, turnPage],
  ["explorer by line, all rows", () => `/explore?by=line&all=yes&${days}`, turnPage],
  ["explorer by user and line", () => `/explore?by=user,line&all=yes&${days}`, turnPage],
  ["explorer over time", () => `/explore?by=operation&view=time&${days}`, ask(/^Cost by operation/)],
  ["explorer across", () => `/explore?by=group,kind&view=pivot&${days}`, ask(/^Cost by group down/)],
  ["code of the organisation", () => `/code?${days}`, stepDown],
  ["code of a month", () => "/code", stepDown],
  [
    "clusters",
    () => "/clusters",
    async (page) => {
      await page.getByRole("table", { name: "Clusters" }).getByRole("button", { name: "Cluster" }).click();
      await page.waitForURL(/sort=/);
    },
  ],
  [
    "groups",
    () => "/groups",
    async (page) => {
      await page.getByRole("table", { name: "Groups" }).getByRole("link").first().click();
      await page.getByRole("table", { name: /^Members of/ }).waitFor();
    },
  ],
  [
    "SQL",
    () => "/sql",
    async (page) => {
      await page.getByRole("textbox", { name: "Statement" }).click();
      await page.keyboard.press("Control+a");
      await page.keyboard.type("select 7");
      await page.getByText("select 7").waitFor();
    },
  ],
  ["report of a week", () => "/reports/last", (page) => page.getByRole("heading", { level: 2 }).first().click()],
];

describe(YEAR ? "a seeded year" : "a small organisation", () => {
  const measure = async (name: string, path: string, press: (page: Page) => Promise<void>, bound: number) => {
    const pace = await paceOf(server, desk.page, path, press);
    measured.push({ name, ...pace });
    expect(pace.own).toBeGreaterThan(0);
    expect(fairly(pace)).toBeLessThan(bound);
    // The editor of SQL asks for one inline style, which the policy refuses; nothing is seen to depend on it.
    expect(desk.complaints.filter((complaint) => !complaint.includes("Applying inline style"))).toEqual([]);
  };

  it.each(PAGES.filter(([name]) => !early(name)))(
    "%s: what is pressed happens within 1.5 s, figures included",
    (name, address, press) => measure(name, address(), press, INTERACTIVE_MS),
  );

  it.each(PAGES.filter(([name]) => early(name)))(
    "%s: does what it is told within 1.5 s, and has its figures in time",
    async (name, address, press) => {
      await measure(`${name}, before its figures`, address(), early(name) ?? press, INTERACTIVE_MS);
      await measure(name, address(), press, YEAR ? INTERACTIVE_MS + DETAIL_MS : INTERACTIVE_MS);
    },
  );
});
