import { type Dimension, isDimension } from "#/features/explore/dimensions";
import { dateOf, PERIODS, type PeriodSearch } from "#/lib/period";

/** How rows are shown: one below the other, two dimensions across, or over time. */
export const VIEWS = ["table", "pivot", "time"] as const;
export type View = (typeof VIEWS)[number];

/** Which money is shown: time by the prices in force, or what was invoiced where an invoice was imported. */
export const FIGURES = ["metered", "invoiced"] as const;
export type Figures = (typeof FIGURES)[number];

/** Keeps what has one of some values of a dimension; a value that ends in * stands for all that begin so. */
export interface Filter {
  dimension: Dimension;
  values: readonly string[];
}

/** What the address of the explorer holds. Lists are text, so that links stay readable. */
export interface ExploreSearch extends PeriodSearch {
  /** Dimensions: "user,operation". */
  by?: string | undefined;
  /** Filters: "user=ana;operation=read.csv,read.json". */
  where?: string | undefined;
  view?: View | undefined;
  figures?: Figures | undefined;
  /** Bars of the view over time. */
  step?: Dimension | undefined;
  sort?: string | undefined;
  q?: string | undefined;
  page?: number | undefined;
  /** Whether as many rows are asked for as an answer can have. */
  all?: "yes" | undefined;
}

/** Reads the address of the explorer; what is not understood is left out. */
export function exploreSearch(search: Record<string, unknown>): ExploreSearch {
  const by = byOf(search.by);
  const where = writeFilters(readFilters(search.where));
  const page = Number(search.page);
  return {
    ...periodSearch(search),
    by: by.length > 0 ? by.join(",") : undefined,
    where: where || undefined,
    view: VIEWS.find((view) => view === search.view && view !== "table"),
    figures: FIGURES.find((figures) => figures === search.figures && figures !== "metered"),
    step: ["month", "week", "day", "hour"].includes(String(search.step)) ? (search.step as Dimension) : undefined,
    sort: typeof search.sort === "string" && /^-?(cost|time|key\d)$/.test(search.sort) ? search.sort : undefined,
    q: typeof search.q === "string" && search.q !== "" ? search.q : undefined,
    page: Number.isInteger(page) && page > 1 ? page : undefined,
    all: search.all === "yes" ? "yes" : undefined,
  };
}

export function periodSearch(search: Record<string, unknown>): PeriodSearch {
  const from = dateOf(search.from);
  const to = dateOf(search.to);
  const own = from !== undefined && to !== undefined;
  return {
    period: own ? undefined : PERIODS.find((period) => period === search.period),
    from: own ? from : undefined,
    to: own ? to : undefined,
  };
}

/** Most dimensions that a table is grouped by. */
export const MOST_DIMENSIONS = 3;

/** The dimensions of a list in the address, each once. */
export function byOf(value: unknown): Dimension[] {
  const names = typeof value === "string" ? value.split(",") : [];
  return [...new Set(names.filter(isDimension))].slice(0, MOST_DIMENSIONS);
}

/** Filters as they stand in the address: what separates, where it belongs to a value, has a backslash before it. */
export function writeFilters(filters: readonly Filter[]): string {
  return filters.map(({ dimension, values }) => `${dimension}=${values.map(escaped).join(",")}`).join(";");
}

const escaped = (value: string) => value.replaceAll(/[\\,;]/g, "\\$&");

/** Filters of the address; what names no dimension is left out. */
export function readFilters(text: unknown): Filter[] {
  if (typeof text !== "string" || text === "") return [];
  return split(text, ";").flatMap((part) => {
    const at = part.indexOf("=");
    const dimension = part.slice(0, at);
    if (at < 0 || !isDimension(dimension)) return [];
    return [{ dimension, values: split(part.slice(at + 1), ",").map(plain) }];
  });
}

/** Cuts at a separator that has no backslash before it; the backslashes stay. */
function split(text: string, separator: string): string[] {
  const parts = [""];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    const next = text.charAt(at + 1);
    if (letter === "\\" && (next === "," || next === ";" || next === "\\")) {
      parts[parts.length - 1] += letter + next;
      at += 1;
    } else if (letter === separator) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

const plain = (value: string) => value.replaceAll(/\\([,;\\])/g, "$1");

/** A filter as the API reads it: only a comma needs its backslash there. */
export function filterText({ dimension, values }: Filter): string {
  return `${dimension}=${values.map((value) => value.replaceAll(",", "\\,")).join(",")}`;
}
