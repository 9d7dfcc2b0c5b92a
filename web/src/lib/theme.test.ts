import { expect, it } from "vitest";
import { applyTheme, savedTheme } from "#/lib/theme";

it("remembers a theme and forgives a broken one", () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  const root = { dataset: {} as DOMStringMap };
  expect(savedTheme(storage)).toBe("auto");
  applyTheme("dark", root, storage);
  expect(root.dataset.theme).toBe("dark");
  expect(savedTheme(storage)).toBe("dark");
  expect(savedTheme({ getItem: () => "sepia" })).toBe("auto");
});
