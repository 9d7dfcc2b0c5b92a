import { cpus, loadavg } from "node:os";
import type { Page } from "playwright-core";
import type { Server } from "./server";

/** How long until a page did what was asked of it, in milliseconds: by the clock, and of processor time, the page's own and the server's. */
export interface Pace {
  clock: number;
  own: number;
  served: number;
}

const TURNS = 3;

/**
 * Opens a page several times from nothing and presses something there; the best times until that is done. The first turn pays for what the
 * server and the browser keep.
 */
export async function paceOf(
  server: Server,
  page: Page,
  path: string,
  press: (page: Page) => Promise<void>,
): Promise<Pace> {
  const browserSide = await page.context().newCDPSession(page);
  // The page's own time on a processor: on a machine that others keep busy the clock measures them.
  await browserSide.send("Performance.enable", { timeDomain: "threadTicks" });
  const turns: Pace[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    await page.goto("about:blank");
    const before = await server.processor();
    const began = performance.now();
    await page.goto(server.url + path, { waitUntil: "commit" });
    await press(page);
    const clock = performance.now() - began;
    const served = (await server.processor()) - before;
    const { metrics } = await browserSide.send("Performance.getMetrics");
    const own = (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1000;
    turns.push({ clock, own, served });
  }
  await browserSide.detach();
  const best = (what: keyof Pace) => Math.round(Math.min(...turns.map((turn) => turn[what])));
  return { clock: best("clock"), own: best("own"), served: best("served") };
}

/** What is held against a bound: the clock, and where others keep the machine busy the time that the page and the server worked. */
export function fairly({ clock, own, served }: Pace): number {
  return (loadavg()[0] ?? 0) > cpus().length ? Math.min(clock, own + served) : clock;
}

/** A pace in words. */
export function paceWords({ clock, own, served }: Pace): string {
  return `interactive after ${clock} ms; the page worked ${own} ms of them, the server ${served} ms`;
}
