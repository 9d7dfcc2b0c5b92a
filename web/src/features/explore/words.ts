import { type Dimension, noneOf } from "#/features/explore/dimensions";
import type { Filter } from "#/features/explore/search";
import { isCell, shortNames, shortPath } from "#/lib/files";
import { dateOf, dayWords } from "#/lib/period";
import { categoryWords, KIND_WORDS, type Kind, kindOf, operationWords, type RestLook } from "#/lib/work";

const NO_WORK = /^(idle|overhead|lost)\.|^(unattributed|unknown)$/;

/** A value as people read it. `names` are those of clusters by id, and of files whose usual name is not theirs alone. */
export function valueWords(dimension: Dimension, value: string, names: Readonly<Record<string, string>>): string {
  if (value === "") return noneOf(dimension);
  switch (dimension) {
    case "operation":
    case "category":
      return NO_WORK.test(value) ? categoryWords(value).name : operationWords(value);
    case "kind":
      return KINDS[value] ?? value;
    case "cluster":
      return names[value] ? `${names[value]} (${value})` : value;
    case "file":
      return names[value] ?? fileWords(value);
    case "line":
    case "leaf": {
      const colon = value.lastIndexOf(":");
      const file = value.slice(0, colon);
      return `${names[file] ?? fileWords(file)}${value.slice(colon)}`;
    }
    case "day":
      return dateOf(value) ? dayWords(value) : value;
    case "month":
      return dateOf(`${value}-01`) ? dayWords(`${value}-01`).slice(2) : value;
    case "hour":
      return dateOf(value.slice(0, 10)) ? `${dayWords(value.slice(0, 10))} ${value.slice(11, 16)}` : value;
    default:
      return value;
  }
}

/** Names of files that would otherwise be called alike: so much of their ends as tells them apart. */
export function namesApart(files: readonly string[]): Record<string, string> {
  const alike = new Map<string, string[]>();
  for (const file of new Set(files)) {
    const words = fileWords(file);
    const others = alike.get(words);
    if (others) others.push(file);
    else alike.set(words, [file]);
  }
  const names: Record<string, string> = {};
  for (const group of alike.values()) {
    if (group.length === 1) continue;
    for (const [file, name] of shortNames(group)) names[file] = isCell(file) || name === file ? name : `…/${name}`;
  }
  return names;
}

function fileWords(file: string): string {
  return isCell(file) ? `cell ${file.slice(5, 11)}` : shortPath(file);
}

const KINDS: Record<string, string> = {
  work: "Work on lines of code",
  idle: "Idle",
  overhead: "Overhead",
  lost: "Lost",
  unattributed: "Work on no line",
  unknown: "Unknown",
};

/** A filter in a few words. */
export function filterWords(filter: Filter, names: Readonly<Record<string, string>>): string {
  return filter.values
    .map((value) => (value.endsWith("*") ? `${value.slice(0, -1)}…` : valueWords(filter.dimension, value, names)))
    .join(", ");
}

/** Dimensions whose values are code or ids. */
export function isMono(dimension: Dimension): boolean {
  return ["file", "line", "leaf", "function", "task"].includes(dimension);
}

/** How the money of a value looks: work by its kind, what is not work by its pattern; of all else nothing is known. */
export function lookOf(dimension: Dimension, value: string): Kind | RestLook | undefined {
  switch (dimension) {
    case "operation":
    case "category":
      if (value === "" || (dimension === "category" && value === "work")) return "unattributed";
      return NO_WORK.test(value) ? categoryWords(value).look : kindOf(value);
    case "kind":
      return (
        ({ idle: "idle", overhead: "over", lost: "lost", unknown: "unknown" }[value] as RestLook | undefined) ??
        "unattributed"
      );
    default:
      return undefined;
  }
}

/** A look in words, for keys. */
export function lookTitle(look: Kind | RestLook): string {
  return look in KIND_WORDS ? KIND_WORDS[look as Kind] : look;
}
