import { type RefObject, useEffect } from "react";

/** Lets `/` put the cursor into a field, unless someone is typing or a dialog is open. */
export function useSlashFocus(field: RefObject<HTMLInputElement | null>, on: boolean): void {
  useEffect(() => {
    if (!on) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = event.target;
      if (at instanceof HTMLElement && at.closest("input, textarea, select, dialog, [contenteditable]")) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [field, on]);
}
