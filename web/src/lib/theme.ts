export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "lineitem-theme";

/** The theme this browser chose last; "auto" follows the system. */
export function savedTheme(storage: Pick<Storage, "getItem">): Theme {
  const saved = storage.getItem(KEY);
  return THEMES.find((theme) => theme === saved) ?? "auto";
}

/** Shows a theme on the page and remembers it. */
export function applyTheme(theme: Theme, root: Pick<HTMLElement, "dataset">, storage: Pick<Storage, "setItem">): void {
  root.dataset.theme = theme;
  storage.setItem(KEY, theme);
}
