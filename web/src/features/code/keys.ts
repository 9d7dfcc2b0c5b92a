import { useEffect, useRef } from "react";

/** Whether a key was meant for what has the focus: someone types, chooses or answers a dialog. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const at = event.target;
  return at instanceof HTMLElement && at.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}

/** Calls back for single letters pressed anywhere on the page, unless they are typed into something. */
export function useLetters(actions: Readonly<Record<string, () => void>>): void {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const action = latest.current[event.key];
      if (!action || isTaken(event)) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** The number after or before the current one, around the end; the first or last where none is current. */
export function nextOf(numbers: readonly number[], current: number | undefined, step: 1 | -1): number | undefined {
  const sorted = [...numbers].sort((a, b) => (a - b) * step);
  return sorted.find((number) => current !== undefined && (number - current) * step > 0) ?? sorted[0];
}
