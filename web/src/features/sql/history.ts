const KEY = "lineitem.sql.history";
const MOST = 50;
const MOST_CHARACTERS = 20_000;

type Store = Pick<Storage, "getItem" | "setItem">;

/** Statements that ran in this browser, the newest first. */
export function sqlHistory(store: Store): string[] {
  try {
    const kept: unknown = JSON.parse(store.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** Puts a statement first; the same one again only moves up. Returns what is kept. */
export function remember(statement: string, store: Store): string[] {
  const kept = [statement, ...sqlHistory(store).filter((one) => one !== statement)]
    .filter((one) => one.length <= MOST_CHARACTERS)
    .slice(0, MOST);
  try {
    store.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing has a history as long as the page is open.
  }
  return kept;
}

export function forget(store: Store): string[] {
  try {
    store.setItem(KEY, "[]");
  } catch {
    // Nothing was kept.
  }
  return [];
}
