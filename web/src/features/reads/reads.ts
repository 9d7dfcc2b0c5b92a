import type { Read } from "#/api/schema";

/** Formats whose reader parses every column that it is not told to leave out. */
const ROW_FORMATS: readonly string[] = ["csv", "json", "table", "fwf"];

/** "2 of 12", "12", or nothing where columns are not known. */
export function columnWords(read: Read): string {
  if (read.columns === 0) return "–";
  if (read.columns_used === 0) return String(read.columns);
  return `${read.columns_used} of ${read.columns}`;
}

/** How many columns were read and used by nobody. */
export function wasted(read: Read): number {
  if (read.direction !== "read" || read.pushed_down || read.columns === 0 || read.columns_used === 0) return 0;
  return Math.max(0, read.columns - read.columns_used);
}

/** Whether the reader was told what to leave out, in words; empty where there was nothing to leave out or nothing is known. */
export function pushWords(read: Read): string {
  if (read.direction === "write" || read.columns === 0 || read.columns_used === 0) return "";
  if (read.pushed_down) return "the rest left out";
  return wasted(read) > 0 ? "all were read" : "";
}

/** What to do where columns were parsed and thrown away; empty where nothing was. */
export function hint(read: Read, place: string): string {
  const count = wasted(read);
  if (count === 0) return "";
  const columns = count === 1 ? "1 column was" : `${count} of ${read.columns} columns were`;
  const what = ROW_FORMATS.includes(read.format) ? "parsed and thrown away" : "read and thrown away";
  const how =
    read.format === "csv"
      ? "usecols=[…] leaves them out; Parquet would not even read them"
      : ROW_FORMATS.includes(read.format)
        ? "Parquet would not even read them"
        : "columns=[…] leaves them out";
  return `${columns} ${what} at ${place}: ${how}.`;
}

/** "CSV": what the files are. */
export function formatWords(read: Read): string {
  const format = read.format.length <= 4 ? read.format.toUpperCase() : capital(read.format);
  return format || "not known";
}

/** "c engine, gzip": who reads them, and how they are packed. */
export function engineWords(read: Read): string {
  return [read.engine && `${read.engine} engine`, read.compression].filter(Boolean).join(", ");
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
