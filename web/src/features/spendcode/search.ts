import { periodSearch, readFilters, writeFilters } from "#/features/explore/search";
import type { PeriodSearch } from "#/lib/period";

/** What the address of the organisation's code page holds. */
export interface SpendCodeSearch extends PeriodSearch {
  /** Filters, as those of the explorer. */
  where?: string | undefined;
  file?: string | undefined;
  line?: number | undefined;
  op?: string | undefined;
  /** The branch that fills the width of the picture. */
  zoom?: string | undefined;
  q?: string | undefined;
  /** Whether it is compared with the period before. */
  against?: "before" | undefined;
  /** What the picture's boxes are painted by, if not by the kind of work. */
  paint?: "change" | undefined;
}

export function spendCodeSearch(search: Record<string, unknown>): SpendCodeSearch {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  const line = Number(search.line);
  return {
    ...periodSearch(search),
    where: writeFilters(readFilters(search.where)) || undefined,
    file: text(search.file),
    line: Number.isInteger(line) && line > 0 ? line : undefined,
    op: text(search.op),
    zoom: text(search.zoom),
    q: text(search.q),
    against: search.against === "before" ? "before" : undefined,
    paint: search.paint === "change" ? "change" : undefined,
  };
}
