const CELL = "cell:";

/** Whether a file of a bill is a notebook cell. */
export function isCell(file: string): boolean {
  return file.startsWith(CELL);
}

/** The shortest tail of a path that no other file of the list shares; cells by the start of their hash. */
export function shortNames(files: readonly string[]): Map<string, string> {
  const distinct = [...new Set(files)];
  // Every file has its place at once, so that names stand in the order of the list.
  const names = new Map(
    distinct.map((file) => [file, isCell(file) ? `cell ${file.slice(CELL.length, CELL.length + 6)}` : file]),
  );
  const paths = distinct.filter((file) => !isCell(file)).map((file) => ({ file, parts: segments(file) }));
  // How many files end so, by how much of the end is taken; longer ends are counted only for those that need them.
  let open = paths;
  for (let take = 1; open.length > 0; take += 1) {
    const ends = new Map<string, number>();
    for (const { parts } of paths) {
      const end = tail(parts, take);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    const shared: typeof paths = [];
    for (const path of open) {
      const end = tail(path.parts, take);
      if (take < path.parts.length && (ends.get(end) ?? 0) > 1) shared.push(path);
      else names.set(path.file, end);
    }
    open = shared;
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

/** The file and the line of "/home/ana/load.py:14"; undefined where there is no line. */
export function placeOf(place: string): { file: string; line: number } | undefined {
  const colon = place.lastIndexOf(":");
  const line = Number(place.slice(colon + 1));
  return colon > 0 && Number.isInteger(line) && line > 0 ? { file: place.slice(0, colon), line } : undefined;
}
