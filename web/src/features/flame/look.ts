import type { Look } from "#/features/flame/branch";

/** Colours that the picture needs, by the token of the style sheet. */
const TOKENS = {
  root: "--ramp-5",
  code: "--ramp-0",
  more: "--sunken",
  read: "--work-read",
  write: "--work-write",
  group: "--work-group",
  move: "--work-move",
  train: "--work-train",
  python: "--work-python",
  other: "--work-other",
  smaller: "--ramp-0",
  unattributed: "--work-all",
  idle: "--idle-bg",
  idleInk: "--idle-ink",
  over: "--over-bg",
  lost: "--lost-bg",
  lostInk: "--lost-ink",
  gap: "--surface",
  unknown: "--surface",
  surface: "--surface",
  same: "--sunken",
  up: "--lost-bg",
  upInk: "--lost-ink",
  down: "--accent-soft",
  downInk: "--accent",
  text: "--text",
  line: "--control-line",
  focus: "--focus",
} as const;

export type Palette = Record<keyof typeof TOKENS, string>;

/** The tokens' colours where an element stands, as the theme has them now. A canvas knows no variables. */
export function paletteAt(element: HTMLElement): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const entries = Object.entries(TOKENS).map(([name, token]) => {
    probe.style.color = `var(${token})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(entries) as Palette;
}

/** Looks whose text stands on a plate, as it could not be read on their pattern. */
export function isPattern(look: Look): boolean {
  return look === "idle" || look === "lost" || look === "gap";
}

/** Black or white, whichever is easier to read on a colour of the form rgb(r, g, b): at least 4.5:1 on any. */
export function inkOn(colour: string): "#000000" | "#ffffff" {
  const channels = (/^rgba?\(([^)]*)\)/.exec(colour)?.[1] ?? "").split(/[\s,/]+/).slice(0, 3);
  const [red = 0, green = 0, blue = 0] = channels.map((text) => {
    const share = Number(text) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // Where the contrast with black, (l + 0.05) / 0.05, is that with white, 1.05 / (l + 0.05).
  return luminance > Math.sqrt(1.05 * 0.05) - 0.05 ? "#000000" : "#ffffff";
}
