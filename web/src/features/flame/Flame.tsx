import { type KeyboardEvent, type MouseEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { Branch } from "#/features/flame/branch";
import { draw, LEAST_PX, ROW_PX } from "#/features/flame/draw";
import { type Box, boxAt, layout, STEPS, stepFrom } from "#/features/flame/layout";
import { paletteAt } from "#/features/flame/look";
import { useShape } from "#/features/flame/shape";
import type { Tone } from "#/features/flame/tone";

interface FlameProps {
  root: Branch;
  /** What the picture is called where it cannot be seen. */
  label: string;
  zoom: string | undefined;
  /** Branches that were chosen elsewhere. */
  chosen: ReadonlySet<string>;
  found: ReadonlySet<string> | undefined;
  /** An amount as it stands in a box. */
  amount: (branch: Branch) => string;
  /** How a branch changed, where that is what boxes are painted by. */
  tone?: ((branch: Branch) => Tone) | undefined;
  /** A branch in a sentence, exactly. */
  sentence: (branch: Branch) => string;
  onZoom: (branch: Branch) => void;
}

/** Money as boxes: width is money, and what is inside of something stands below it. Its text equivalent stands beside it. */
export function Flame({ root, label, zoom, chosen, found, amount, tone, sentence, onZoom }: FlameProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const { width, ratio, theme } = useShape(frame);
  const [currentId, setCurrentId] = useState<string>();
  const [focused, setFocused] = useState(false);
  const said = useId();

  const laid = useMemo(() => {
    const whole = layout(root, zoom, 0);
    // Before the width is known, all is there to be moved through.
    return width === 0 ? whole : layout(root, zoom, (whole.span * LEAST_PX) / width);
  }, [root, zoom, width]);
  const focus = laid.path.at(-1) ?? root;
  const current = laid.boxes.find((box) => box.branch.id === currentId);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme changes what the tokens are, not any value here.
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !frame.current || !context || width === 0) return;
    canvas.current.width = Math.round(width * ratio);
    canvas.current.height = Math.round(laid.levels * ROW_PX * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(context, {
      layout: laid,
      width,
      palette: paletteAt(frame.current),
      font: `12px ${getComputedStyle(frame.current).fontFamily}`,
      amount: (box) => amount(box.branch),
      tone: tone && ((box) => tone(box.branch)),
      chosen,
      found,
      current: currentId,
      focused,
    });
  }, [laid, width, ratio, theme, chosen, found, currentId, focused, amount, tone]);

  const at = (event: MouseEvent<HTMLElement>): Box | undefined => {
    const bounds = event.currentTarget.getBoundingClientRect();
    const depth = Math.floor((event.clientY - bounds.top) / ROW_PX);
    return boxAt(laid, depth, (event.clientX - bounds.left) / Math.max(1, bounds.width));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    const from = current ?? laid.boxes[laid.path.length - 1];
    if (step && from) setCurrentId(stepFrom(laid, from, step).branch.id);
    else if (event.key === "Enter" && from) onZoom(from.branch);
    else if (event.key === "Escape" && laid.path.length > 1) {
      setCurrentId(focus.id);
      onZoom(laid.path.at(-2) ?? root);
    } else return;
    event.preventDefault();
  };

  return (
    <>
      {laid.path.length > 1 && (
        <nav className="crumbs small" aria-label="What the picture is inside of">
          {laid.path.map((branch, depth) =>
            branch === focus ? (
              <span key={branch.id} aria-current="true">
                {branch.names[0]}
              </span>
            ) : (
              <span key={branch.id}>
                <button
                  type="button"
                  className="plain link"
                  onClick={() => onZoom(branch)}
                  aria-keyshortcuts={depth === laid.path.length - 2 ? "Escape" : undefined}
                >
                  {branch.names[0]}
                </button>{" "}
                ›
              </span>
            ),
          )}
        </nav>
      )}
      <div
        ref={frame}
        className="flame"
        role="application"
        aria-label={label}
        aria-describedby={said}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application of its own, in which keys move.
        tabIndex={0}
        onPointerMove={(event) => setCurrentId(at(event)?.branch.id)}
        onPointerLeave={() => setCurrentId(undefined)}
        onClick={(event) => {
          const box = at(event);
          if (box) onZoom(box.branch);
        }}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          // A click focuses too, and needs no ring.
          const byKeys = event.currentTarget.matches(":focus-visible");
          setFocused(byKeys);
          if (byKeys) setCurrentId((id) => id ?? focus.id);
        }}
        onBlur={() => {
          setFocused(false);
          setCurrentId(undefined);
        }}
      >
        <canvas ref={canvas} style={{ height: laid.levels * ROW_PX }} />
      </div>
      <p className="said small" id={said} aria-live={focused ? "polite" : "off"}>
        {sentence(current?.branch ?? focus)}
      </p>
    </>
  );
}
