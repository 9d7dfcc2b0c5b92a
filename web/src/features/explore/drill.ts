import type { Group, Me } from "#/api/schema";
import { type Dimension, isTime } from "#/features/explore/dimensions";
import { byOf, type ExploreSearch, type Filter, readFilters, writeFilters } from "#/features/explore/search";
import { leads, maySee } from "#/features/groups/tree";

/** Where the way down can begin: with groups for who sees several, with users for who sees one, else with one's own clusters. */
export type Start = "group" | "user" | "name";

/** What a table shows before anything is chosen; undefined while it is not known which groups the reader sees. */
export function startOf(me: Me, groups: readonly Group[] | undefined): Start | undefined {
  if (me.user.role !== "admin" && !leads(me)) return "name";
  if (!groups) return undefined;
  return groups.filter((group) => maySee(group, groups, me)).length > 1 ? "group" : "user";
}

/** The way down, from the organisation to a line of code. */
const WAY: readonly Dimension[] = ["group", "user", "name", "operation", "file", "line"];

/** The way down for money that did no work: it is on no line. */
const IDLE_WAY: readonly Dimension[] = ["group", "user", "name", "operation", "day"];

/** Dimensions that say the same more and less closely: once the first is chosen the others tell nothing new. */
const IMPLIED: Partial<Record<Dimension, readonly Dimension[]>> = {
  cluster: ["name", "user", "group", "backend"],
  name: ["cluster"],
  user: ["group"],
  project: ["group"],
  line: ["file", "function", "operation"],
  leaf: ["file", "function"],
};

const NO_WORK = /^(idle|overhead|lost)(\.|$)|^(unattributed|unknown)$/;

/** Whether some filters leave only money that is on no line. */
function didNoWork(filters: readonly Filter[]): boolean {
  return filters.some(({ dimension, values }) => {
    if (["operation", "category", "kind"].includes(dimension)) return values.every((value) => NO_WORK.test(value));
    return ["file", "line"].includes(dimension) && values.every((value) => value === "");
  });
}

/** The next sensible dimension for what passes some filters, for a way with some beginning; undefined at the end of the way. */
export function nextDimension(filters: readonly Filter[], start: Start): Dimension | undefined {
  const taken = new Set<Dimension>();
  for (const { dimension, values } of filters) {
    // A filter of several values still tells them apart.
    if (values.length > 1 || values.some((value) => value.endsWith("*"))) continue;
    for (const known of [dimension, ...(IMPLIED[dimension] ?? [])]) taken.add(known);
  }
  const idle = didNoWork(filters);
  const way = idle ? IDLE_WAY : WAY;
  // Nobody goes back up the way to a line: what is coarser than the last step is left out.
  const last = Math.max(-1, ...[...taken].map((dimension) => way.indexOf(dimension)));
  const steps = way.slice(idle || last < 0 ? way.indexOf(start) : last + 1);
  const timed = filters.some(({ dimension }) => isTime(dimension));
  return steps.find((dimension) => !taken.has(dimension) && !(isTime(dimension) && timed));
}

/** Filters with the values of a row: a filter of one value replaces those that said less about its dimension. */
export function narrowed(filters: readonly Filter[], by: readonly Dimension[], keys: readonly string[]): Filter[] {
  const added = by.map((dimension, index): Filter => ({ dimension, values: [keys[index] ?? ""] }));
  return [...filters.filter(({ dimension }) => !by.includes(dimension)), ...added];
}

/** Where a row leads: to what it is made of. Undefined at the end of the way. */
export function drill(search: ExploreSearch, by: readonly Dimension[], keys: readonly string[], start: Start) {
  const filters = narrowed(readFilters(search.where), by, keys);
  const next = nextDimension(filters, start);
  if (next === undefined) return undefined;
  return { ...level(search, filters, next), figures: search.figures };
}

/** One step of the way down: some filters, and what the money is grouped by there. */
function level(search: ExploreSearch, filters: readonly Filter[], by: Dimension): ExploreSearch {
  const { period, from, to, all } = search;
  return { period, from, to, all, by, where: writeFilters(filters) || undefined };
}

/** A level above the one that is shown. */
export interface Crumb {
  filter: Filter | undefined;
  search: ExploreSearch;
}

/** The way from the whole to what is shown: before each filter the money was grouped by its dimension. */
export function crumbs(search: ExploreSearch): Crumb[] {
  const filters = readFilters(search.where);
  return [undefined, ...filters].map((filter, index) => {
    const next = filters[index];
    return {
      filter,
      search: next ? { ...level(search, filters.slice(0, index), next.dimension), figures: search.figures } : search,
    };
  });
}

/** Another choice of what to group by; what belonged to the old one is let go of. */
export function regrouped(search: ExploreSearch, by: readonly Dimension[]): ExploreSearch {
  return { ...search, by: byOf(by.join(",")).join(","), page: undefined, sort: undefined, q: undefined };
}

/** With other filters; the page of rows begins anew. */
export function filtered(search: ExploreSearch, filters: readonly Filter[]): ExploreSearch {
  return { ...search, where: writeFilters(filters) || undefined, page: undefined };
}
