import { type RefObject, useEffect, useState } from "react";

/** What a picture must be drawn again for: its width in CSS pixels, the pixels of the screen in each, and the theme. */
export interface Shape {
  width: number;
  ratio: number;
  /** Counts changes of the theme. */
  theme: number;
}

/** Watches the shape of an element: windows are resized, zoomed and moved to other screens, themes are switched. */
export function useShape(element: RefObject<HTMLElement | null>): Shape {
  const [shape, setShape] = useState<Shape>({ width: 0, ratio: 1, theme: 0 });
  useEffect(() => {
    const box = element.current;
    if (!box) return;
    const look = () => {
      const next = { width: box.clientWidth, ratio: window.devicePixelRatio || 1 };
      setShape((old) => (old.width === next.width && old.ratio === next.ratio ? old : { ...old, ...next }));
    };
    const repaint = () => setShape((old) => ({ ...old, theme: old.theme + 1 }));
    look();
    const size = new ResizeObserver(look);
    size.observe(box);
    window.addEventListener("resize", look);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    const contrast = window.matchMedia("(prefers-contrast: more)");
    for (const query of [scheme, contrast]) query.addEventListener("change", repaint);
    const chosen = new MutationObserver(repaint);
    chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      size.disconnect();
      window.removeEventListener("resize", look);
      for (const query of [scheme, contrast]) query.removeEventListener("change", repaint);
      chosen.disconnect();
    };
  }, [element]);
  return shape;
}
