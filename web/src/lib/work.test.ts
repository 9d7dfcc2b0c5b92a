import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { categoryWords, KINDS, kindOf, OPERATIONS, operationWords } from "#/lib/work";

/** A file of the server beside these pages: both must say the same. */
const served = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

describe("operations", () => {
  it.each([
    ["read.csv", "Read CSV"],
    ["write.parquet", "Write Parquet"],
    ["convert.string", "Convert to strings"],
    ["train.xgboost", "Train XGBoost"],
    ["predict.sklearn", "Predict scikit-learn"],
    ["train.my_model", "Train my model"],
    ["groupby", "Group by"],
    ["user", "Your own Python"],
    ["novel.thing", "Novel thing"],
    ["", "Work of no known kind"],
  ])("calls %s “%s”", (operation, words) => {
    expect(operationWords(operation)).toBe(words);
  });

  it("belong to the same family as on the server", () => {
    const source = served("internal/core/profile/family.go");
    const families = [...source.matchAll(/"(\w+)": Family(\w+)/g)];
    expect(families.length).toBeGreaterThan(10);
    for (const [, word = "", family = ""] of families)
      expect([word, kindOf(word)]).toEqual([word, family.toLowerCase()]);
    for (const [word, [kind]] of Object.entries(OPERATIONS)) {
      const named = families.some(([, other]) => other === word);
      if (!named && word !== "user") expect([word, kind]).toEqual([word, "other"]);
    }
    expect(kindOf("user")).toBe("python");
  });

  it("all have words", () => {
    const rules = served("internal/core/profile/rules.txt");
    const words = rules
      .split("\n")
      .filter((line) => /^[a-z]/.test(line) && !/^(version|own|level)\b/.test(line))
      .map((line) => line.split(/[\s.]/)[0] ?? "");
    expect(words.length).toBeGreaterThan(50);
    expect([...new Set(words)].filter((word) => !(word in OPERATIONS))).toEqual([]);
  });

  it("have a kind even where nobody has heard of them", () => {
    expect(kindOf("novel.thing")).toBe("other");
    expect(KINDS).toContain(kindOf(""));
  });
});

it("has words for every reason, and for one it has never heard of", () => {
  expect(categoryWords("idle.no_work").name).toBe("Idle, nothing submitted");
  expect(categoryWords("idle.on_strike")).toMatchObject({ look: "idle", name: "Idle, on strike" });
  expect(categoryWords("overhead.network")).toMatchObject({ look: "over", name: "Overhead, network" });
  expect(categoryWords("lost.worker")).toMatchObject({ look: "lost", name: "Lost with a worker" });
  expect(categoryWords("lost.telemetry")).toMatchObject({ look: "gap", name: "Reports lost" });
  expect(categoryWords("lost.cable").look).toBe("lost");
  expect(categoryWords("novel").name).toBe("novel");
});
