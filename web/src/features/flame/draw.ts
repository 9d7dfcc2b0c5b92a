import type { Look } from "#/features/flame/branch";
import { type Box, type Layout, labelFor } from "#/features/flame/layout";
import { inkOn, isPattern, type Palette } from "#/features/flame/look";
import type { Tone } from "#/features/flame/tone";

/** Height of one level, as in the style sheet's targets: at least 24 pixels to hit. */
export const ROW_PX = 25;

/** A box narrower than this does not stand for itself. */
export const LEAST_PX = 3;

const PAD_PX = 6;

/** What is drawn, beside where the boxes are. */
export interface Scene {
  layout: Layout;
  width: number;
  palette: Palette;
  font: string;
  amount: (box: Box) => string;
  /** How each branch changed, where that is what boxes are painted by. */
  tone: ((box: Box) => Tone) | undefined;
  /** Branches that were chosen elsewhere: outlined. */
  chosen: ReadonlySet<string>;
  /** Branches that a search found: all others are faint. */
  found: ReadonlySet<string> | undefined;
  /** The branch pointed at or reached by keys, and whether keys are what moves. */
  current: string | undefined;
  focused: boolean;
}

/** Left and right edge of a box in whole pixels, at least one apart. */
export function edges(box: Pick<Box, "from" | "to">, span: number, width: number): [number, number] {
  const left = span > 0 ? Math.round((box.from / span) * width) : 0;
  const right = span > 0 ? Math.round((box.to / span) * width) : 0;
  return [left, Math.max(right, left + 1)];
}

/** Draws the whole picture. */
export function draw(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, width, palette } = scene;
  context.clearRect(0, 0, width, layout.levels * ROW_PX);
  context.font = scene.font;
  context.textBaseline = "middle";
  const measure = (text: string) => context.measureText(text).width;
  const marks: (() => void)[] = [];
  for (const box of layout.boxes) {
    const [left, right] = edges(box, layout.span, width);
    const top = box.depth * ROW_PX;
    const { look, names, id } = box.branch;
    const faint = scene.found !== undefined && !scene.found.has(id) && look !== "root";
    context.globalAlpha = faint ? FAINT : 1;
    // A line of the card between neighbours, unless that would leave nothing of the box.
    const inner = Math.max(1, right - left - 1);
    const tone = scene.tone?.(box);
    if (tone) paintTone(context, tone, palette, left, top, inner, ROW_PX - 1);
    else fill(context, look, palette, left, top, inner, ROW_PX - 1);
    const label = labelFor(names, scene.amount(box), inner - 2 * PAD_PX, measure);
    context.globalAlpha = 1;
    const plate = tone ? tone.way !== "same" : isPattern(look);
    const ink = faint || tone || plate ? palette.text : inkOn(palette[look]);
    if (label) text(context, label, ink, plate && palette.surface, left + PAD_PX, top, measure(label));
    if (scene.chosen.has(id)) marks.push(() => frame(context, palette.text, left, top, inner, 2));
    if (scene.current === id) {
      marks.push(() => ring(context, palette, left, top, inner, scene.focused));
    }
  }
  // Outlines lie over all boxes, that of the current one over the others.
  for (const mark of marks) mark();
}

const FAINT = 0.25;

/** Marks the current box; the ring of the keyboard's stands out on any colour, as it has a light and a dark side. */
function ring(
  context: CanvasRenderingContext2D,
  palette: Palette,
  x: number,
  y: number,
  width: number,
  byKeys: boolean,
) {
  if (!byKeys) return frame(context, palette.text, x, y, width, 1);
  frame(context, palette.surface, x, y, width, 4);
  frame(context, palette.focus, x, y, width, 2);
}

function frame(context: CanvasRenderingContext2D, colour: string, x: number, y: number, width: number, thick: number) {
  context.strokeStyle = colour;
  context.lineWidth = thick;
  context.setLineDash([]);
  context.strokeRect(x + thick / 2, y + thick / 2, Math.max(1, width - thick), ROW_PX - 1 - thick);
}

function text(
  context: CanvasRenderingContext2D,
  label: string,
  ink: string,
  plate: string | false,
  x: number,
  top: number,
  width: number,
) {
  if (plate) {
    context.fillStyle = plate;
    context.fillRect(x - 3, top + 3, width + 6, ROW_PX - 7);
  }
  context.fillStyle = ink;
  context.fillText(label, x, top + ROW_PX / 2);
}

/** Fills a box: work solid, idle hatched, lost striped upright, lost reports ruled, unknown in a dashed outline. */
function fill(
  context: CanvasRenderingContext2D,
  look: Look,
  palette: Palette,
  x: number,
  y: number,
  width: number,
  height: number,
) {
  context.fillStyle = palette[look];
  context.fillRect(x, y, width, height);
  if (look === "idle") rule(context, palette.idleInk, x, y, width, height, (at) => [at - height, height, at, 0]);
  if (look === "lost") rule(context, palette.lostInk, x, y, width, height, (at) => [at, 0, at, height]);
  if (look === "gap") rule(context, palette.line, x, y, width, height, (at) => [0, at, width, at]);
  if (look === "unknown" || look === "gap" || look === "more") {
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.setLineDash(look === "unknown" ? [3, 3] : []);
    context.strokeRect(x + 0.5, y + 0.5, Math.max(0.5, width - 1), height - 1);
    context.setLineDash([]);
  }
}

/**
 * Paints a change so that it is read without colour: what rose is hatched upwards, the closer the more it rose; what fell is dotted, the
 * closer the more; what is new is hatched both ways; what stayed is plain.
 */
function paintTone(
  context: CanvasRenderingContext2D,
  tone: Tone,
  palette: Palette,
  x: number,
  y: number,
  width: number,
  height: number,
) {
  context.fillStyle = tone.way === "same" ? palette.same : tone.way === "down" ? palette.down : palette.up;
  context.fillRect(x, y, width, height);
  const gap = tone.way === "up" || tone.way === "down" ? (GAPS[tone.step - 1] ?? STEP_PX) : STEP_PX;
  if (tone.way === "up" || tone.way === "new") {
    rule(context, palette.upInk, x, y, width, height, (at) => [at - height, height, at, 0], gap);
  }
  if (tone.way === "new") rule(context, palette.upInk, x, y, width, height, (at) => [at - height, 0, at, height], gap);
  if (tone.way === "down") dots(context, palette.downInk, x, y, width, height, gap);
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.strokeRect(x + 0.5, y + 0.5, Math.max(0.5, width - 1), height - 1);
}

/** Spaces of a small, a middling and a large change. */
const GAPS = [11, 7, 4] as const;

function dots(
  context: CanvasRenderingContext2D,
  colour: string,
  x: number,
  y: number,
  width: number,
  height: number,
  gap: number,
) {
  context.fillStyle = colour;
  for (let down = gap / 2; down < height; down += gap) {
    for (let across = gap - (x % gap); across < width; across += gap)
      context.fillRect(x + across - 1, y + down - 1, 2, 2);
  }
}

/** Space between the lines of a pattern. */
const STEP_PX = 5;

/** Rules a box with lines, which are anchored to the picture so that neighbours continue each other. */
function rule(
  context: CanvasRenderingContext2D,
  colour: string,
  x: number,
  y: number,
  width: number,
  height: number,
  line: (at: number) => [number, number, number, number],
  gap = STEP_PX,
) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.translate(x, y);
  context.strokeStyle = colour;
  context.lineWidth = 1.3;
  context.beginPath();
  const start = -(x % gap);
  for (let at = start; at < width + height; at += gap) {
    const [x0, y0, x1, y1] = line(at);
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
  context.restore();
}
