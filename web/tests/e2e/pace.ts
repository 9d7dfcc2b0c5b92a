import { cpus, loadavg } from "node:os";
import type { Page } from "playwright-core";

/** How long until a page did what was asked of it, in milliseconds: by the clock, and of the page's own processor time. */
export interface Pace {
  clock: number;
  own: number;
}

const TURNS = 3;

/**
 * Opens a page several times from nothing and presses something there; the best times until that is done. The first turns pay for what the
 * server and the browser keep.
 */
export async function paceOf(page: Page, address: string, press: (page: Page) => Promise<void>): Promise<Pace> {
  const browserSide = await page.context().newCDPSession(page);
  // The page's own time on a processor: on a machine that others keep busy the clock measures them.
  await browserSide.send("Performance.enable", { timeDomain: "threadTicks" });
  const turns: Pace[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    await page.goto("about:blank");
    const began = performance.now();
    await page.goto(address, { waitUntil: "commit" });
    await press(page);
    const clock = performance.now() - began;
    const { metrics } = await browserSide.send("Performance.getMetrics");
    turns.push({ clock, own: (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1000 });
  }
  await browserSide.detach();
  const best = (what: keyof Pace) => Math.round(Math.min(...turns.map((turn) => turn[what])));
  return { clock: best("clock"), own: best("own") };
}

/** What is held against a bound: the clock, and where others keep the machine busy the page's own time. */
export function fairly({ clock, own }: Pace): number {
  return (loadavg()[0] ?? 0) > cpus().length ? own : clock;
}
