import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breaches, LOOKS, openPage, overflow, startBrowser, type Watched } from "./browser";
import { type Server, startServer } from "./server";

type Session = Awaited<ReturnType<Watched["context"]["storageState"]>>;

let server: Server;
let browser: Browser;
let desk: Watched;
let admin: Session;
let lead: Session;
const links = new Map<string, string>();

beforeAll(async () => {
  server = await startServer();
  browser = await startBrowser();
  desk = await openPage(browser);
  await desk.page.goto(await server.link());
  await desk.page.getByRole("navigation", { name: "Main" }).waitFor();
  admin = await desk.context.storageState();
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
}, 120_000);

const card = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
const tree = (page: Page) => page.getByRole("table", { name: "Groups" });
const members = (page: Page, path: string) => page.getByRole("table", { name: `Members of ${path}`, exact: true });

/** The names of a table's rows. */
const names = (page: Page, caption: string) =>
  page.getByRole("table", { name: caption, exact: true }).locator("tbody td:first-child").allTextContents();

async function makeGroup(page: Page, name: string, parent?: string): Promise<void> {
  const form = card(page, "New group");
  await form.getByLabel("Name").fill(name);
  if (parent !== undefined) await form.getByLabel("Below").selectOption({ label: parent });
  await form.getByRole("button", { name: "Create group" }).click();
}

async function makeUser(page: Page, name: string): Promise<void> {
  const form = card(page, "New user");
  await form.getByLabel("User name").fill(name);
  await form.getByRole("button", { name: "Create user" }).click();
}

/** What a card says of a refusal. */
async function refusal(page: Page, name: string): Promise<string> {
  const alert = card(page, name).getByRole("alert");
  await alert.waitFor();
  return (await alert.textContent()) ?? "";
}

describe("groups in the browser", () => {
  it("are made by an admin, one below the other, and wrong names get a sentence", async () => {
    const { page } = desk;
    await page.getByRole("link", { name: "Groups", exact: true }).click();
    await page.getByText("There is no group yet.").waitFor();
    await makeGroup(page, "Research!");
    expect(await refusal(page, "New group")).toMatch(
      /^No group was made\."?.*"Research!" is no name of a group: it holds lower-case letters/,
    );
    expect(await tree(page).count()).toBe(0);
    await makeGroup(page, "research");
    await tree(page).getByRole("link", { name: "research", exact: true }).waitFor();
    expect(await card(page, "New group").getByRole("alert").count()).toBe(0);
    await makeGroup(page, "research");
    expect(await refusal(page, "New group")).toContain("/research");
    await makeGroup(page, "genomics", "/research");
    await tree(page).getByRole("link", { name: "genomics", exact: true }).waitFor();
    await makeGroup(page, "shop", "nothing: at the top");
    await tree(page).getByRole("link", { name: "shop", exact: true }).waitFor();
    expect(await names(page, "Groups")).toEqual(["research", "genomics", "shop"]);
  });

  it("get members and leads, who are made there, too", async () => {
    const { page } = desk;
    await makeUser(page, "Lea Lind");
    expect(await refusal(page, "New user")).toContain('"Lea Lind" is no name of a user');
    for (const name of ["lea", "ben"]) {
      await makeUser(page, name);
      await page.getByText(`“${name}” is made.`).waitFor();
      links.set(name, (await card(page, "New user").locator("pre").textContent()) ?? "");
    }
    await makeUser(page, "ben");
    expect(await refusal(page, "New user")).toContain("ben");

    await tree(page).getByRole("link", { name: "research", exact: true }).click();
    await page.getByText("Nobody is in this group.").waitFor();
    const add = async (group: string, user: string, role: string) => {
      const form = card(page, group);
      await form.getByLabel("Add").selectOption({ label: user });
      await form.getByLabel("As").selectOption(role);
      await form.getByRole("button", { name: "Add to the group" }).click();
      await members(page, group).getByText(user, { exact: true }).waitFor();
    };
    await add("/research", "lea", "lead");
    // Nobody is offered twice.
    expect(await card(page, "/research").getByLabel("Add").locator("option").allTextContents()).not.toContain("lea");
    await tree(page).getByRole("link", { name: "genomics", exact: true }).click();
    await add("/research/genomics", "ben", "member");
    await members(page, "/research/genomics").getByLabel("Role of ben").selectOption("lead");
    await members(page, "/research/genomics").getByLabel("Role of ben").selectOption("member");
    await page.waitForLoadState("networkidle");
    await page.reload();
    expect(await members(page, "/research/genomics").getByLabel("Role of ben").inputValue()).toBe("member");
    expect(await tree(page).locator("tbody tr").allTextContents()).toEqual([
      "research/research1–",
      "genomics/research/genomics1–",
      "shop/shop0–",
    ]);
  });

  it("are renamed, moved and deleted, and say why not", async () => {
    const { page } = desk;
    await tree(page).getByRole("link", { name: "research", exact: true }).click();
    await page.getByRole("button", { name: "Rename, move or delete…" }).click();
    let dialog = page.getByRole("dialog", { name: "Change /research" });
    expect(await dialog.getByLabel("Below").locator("option").allTextContents()).toEqual([
      "nothing: at the top",
      "/shop",
    ]);
    await dialog.getByRole("button", { name: "Delete group" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(await dialog.getByRole("alert").textContent()).toMatch(/^The group is as it was\..*\/research/);
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await tree(page).getByRole("link", { name: "shop", exact: true }).click();
    await page.getByRole("button", { name: "Rename, move or delete…" }).click();
    dialog = page.getByRole("dialog", { name: "Change /shop" });
    await dialog.getByLabel("Name").fill("web-shop");
    await dialog.getByLabel("Below").selectOption({ label: "/research" });
    await dialog.getByRole("button", { name: "Change group" }).click();
    await card(page, "/research/web-shop").waitFor();
    expect(await names(page, "Groups")).toEqual(["research", "genomics", "web-shop"]);
    await page.getByRole("button", { name: "Rename, move or delete…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete group" }).click();
    await card(page, "/research/web-shop").waitFor({ state: "detached" });
    expect(await names(page, "Groups")).toEqual(["research", "genomics"]);
    expect(desk.complaints).toEqual([]);
  });

  it("show a lead what they lead, with nothing to change, and members no names", async () => {
    const { page, context, complaints } = await openPage(browser);
    await page.goto(links.get("lea") ?? "");
    await page.getByRole("link", { name: "Groups", exact: true }).click();
    await tree(page).getByText("lead, it pays for you").waitFor();
    expect(await names(page, "Groups")).toEqual(["research", "genomics"]);
    await tree(page).getByRole("link", { name: "genomics", exact: true }).click();
    await members(page, "/research/genomics").getByRole("cell", { name: "ben", exact: true }).waitFor();
    for (const role of ["button", "combobox"] as const) {
      expect(await page.getByRole("main").getByRole(role).count(), role).toBe(0);
    }
    // Who sees several groups begins with them.
    await page.getByRole("link", { name: "Explore", exact: true }).click();
    await card(page, "Cost by group").waitFor();
    lead = await context.storageState();
    expect(complaints).toEqual([]);
    await context.close();

    const other = await openPage(browser);
    await other.page.goto(links.get("ben") ?? "");
    await other.page.getByRole("link", { name: "Groups", exact: true }).click();
    await tree(other.page).getByText("member, it pays for you").waitFor();
    expect(await names(other.page, "Groups")).toEqual(["genomics"]);
    await tree(other.page).getByRole("link", { name: "genomics", exact: true }).click();
    await other.page.waitForLoadState("networkidle");
    expect(await members(other.page, "/research/genomics").count()).toBe(0);
    expect(other.complaints).toEqual([]);
    await other.context.close();
  });

  it.each(LOOKS)("can be used by all, $width wide and $scheme", async ({ width, scheme }) => {
    for (const [whose, session] of [
      ["admin", admin],
      ["lead", lead],
    ] as const) {
      const { page, context, complaints } = await openPage(browser, {
        storageState: session,
        viewport: { width, height: 900 },
        colorScheme: scheme,
      });
      await page.goto(`${server.url}/groups`);
      await tree(page).getByRole("link", { name: "genomics", exact: true }).click();
      await members(page, "/research/genomics").waitFor();
      await page.waitForLoadState("networkidle");
      expect(await breaches(page)).toEqual([]);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      await page.screenshot({ path: `test-results/shots/groups-${whose}-${width}-${scheme}.png`, fullPage: true });
      if (whose === "admin") {
        await makeGroup(page, "not this");
        await refusal(page, "New group");
        await page.getByRole("button", { name: "Rename, move or delete…" }).click();
        expect(await breaches(page)).toEqual([]);
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      }
      expect(complaints).toEqual([]);
      await context.close();
    }
  });
});
