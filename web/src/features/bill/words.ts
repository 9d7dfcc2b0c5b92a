import type { Grouping } from "#/features/bill/grouping";
import type { About, Row } from "#/features/bill/view";
import { count } from "#/lib/format";
import { operationWords } from "#/lib/work";

/** The words of the switch between groupings. */
export const GROUPING_WORDS: readonly (readonly [Grouping, string])[] = [
  ["origin", "By origin"],
  ["line", "By line"],
  ["operation", "By operation"],
  ["library", "By library"],
];

/** What a row of each grouping is, one and many. */
const UNITS: Record<Grouping, readonly [string, string]> = {
  origin: ["line", "lines"],
  line: ["line", "lines"],
  operation: ["operation", "operations"],
  library: ["library", "libraries"],
};

/** "3 more lines", "1 other library". */
export function countOf(n: number, by: Grouping, which: "more" | "other"): string {
  const [one, many] = UNITS[by];
  return count(n, `${which} ${one}`, `${which} ${many}`);
}

/** What the table of each grouping shows. */
export const CAPTIONS: Record<Grouping, string> = {
  origin: "Cost by line of code that created the work, dearest first",
  line: "Cost by line of code where threads stood, dearest first",
  operation: "Cost by operation, dearest first",
  library: "Cost by library, dearest first",
};

/** A module in the words of the bill; none is the user's own code. */
export function libraryWords(library: string): string {
  return library || "Your own code";
}

/** Where a line is, in short: "flights.py:19". */
export function placeOf(about: About, names: Map<string, string>): string {
  return about.type === "line" ? `${names.get(about.file) ?? about.file}:${about.line}` : "";
}

/** "file:line" of the API in the short names of the page. */
export function shortPlace(place: string, names: Map<string, string>): string {
  const colon = place.lastIndexOf(":");
  const file = place.slice(0, colon);
  return `${names.get(file) ?? file.split("/").at(-1)}${place.slice(colon)}`;
}

/** What a row is called where there is no room for its source. */
export function nameOf(about: About, names: Map<string, string>): string {
  switch (about.type) {
    case "line":
      return placeOf(about, names);
    case "operation":
      return operationWords(about.operation);
    case "library":
      return libraryWords(about.library);
    case "prefix":
      return about.prefix || "no task";
  }
}

/** Rows in which the filter stands: in their text, place, function, tasks, operations or libraries. */
export function matching(rows: readonly Row[], names: Map<string, string>, filter: string): Row[] {
  const wanted = filter.trim().toLowerCase();
  if (!wanted) return [...rows];
  return rows.filter((row) => {
    const { about } = row;
    const own = about.type === "line" ? `${about.text} ${about.function}` : "";
    const parts = row.entries.flatMap((entry) => [
      operationWords(entry.operation),
      entry.operation,
      entry.library,
      ...entry.prefixes.map((part) => part.prefix),
    ]);
    return `${own} ${nameOf(about, names)} ${parts.join(" ")}`.toLowerCase().includes(wanted);
  });
}
