const CELL = "cell:";

/** Whether a file of a bill is a notebook cell. */
export function isCell(file: string): boolean {
  return file.startsWith(CELL);
}

/** The shortest tail of a path that no other file of the list shares; cells by the start of their hash. */
export function shortNames(files: readonly string[]): Map<string, string> {
  const distinct = [...new Set(files)];
  const names = new Map<string, string>();
  for (const file of distinct) {
    if (isCell(file)) {
      names.set(file, `cell ${file.slice(CELL.length, CELL.length + 6)}`);
      continue;
    }
    const parts = segments(file);
    let take = 1;
    while (
      take < parts.length &&
      distinct.some((other) => other !== file && !isCell(other) && tail(segments(other), take) === tail(parts, take))
    ) {
      take += 1;
    }
    names.set(file, tail(parts, take));
  }
  return names;
}

/** A path or address by its end, which tells files apart: "s3://bucket/…/2026/obs-*.csv". */
export function shortPath(path: string): string {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/[^/]*\/?)?(.*)$/is.exec(path) ?? [];
  const parts = segments(rest);
  return parts.length > 2 ? `${scheme}…/${tail(parts, 2)}` : path;
}

const segments = (file: string) => file.split(/[\\/]/).filter((part) => part !== "");
const tail = (parts: readonly string[], take: number) => parts.slice(-take).join("/");
