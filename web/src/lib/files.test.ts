import { expect, it } from "vitest";
import { isCell, placeOf, shortNames, shortPath } from "#/lib/files";

it("names files by the shortest tail that tells them apart", () => {
  const names = shortNames(["/home/ana/a/load.py", "/home/ana/b/load.py", "/home/ana/report.py", "cell:9f3c2ab81234"]);
  expect([...names.values()]).toEqual(["a/load.py", "b/load.py", "report.py", "cell 9f3c2a"]);
});

it("does not loop where one path is the tail of another", () => {
  const names = shortNames(["load.py", "/x/load.py"]);
  expect([...names.values()]).toEqual(["load.py", "x/load.py"]);
});

it("knows cells", () => {
  expect(isCell("cell:12ab")).toBe(true);
  expect(isCell("/home/cell.py")).toBe(false);
});

it.each([
  ["/tmp/a/b/obs-*.csv", "…/b/obs-*.csv"],
  ["s3://bucket/met/2026/obs-*.csv", "s3://bucket/…/2026/obs-*.csv"],
  ["s3://bucket/met/obs-*.csv", "s3://bucket/met/obs-*.csv"],
  ["out/part.*.parquet", "out/part.*.parquet"],
  ["C:\\data\\met\\2026\\obs.csv", "…/2026/obs.csv"],
  ["", ""],
])("shortens %s to its end", (path, short) => {
  expect(shortPath(path)).toBe(short);
});

it.each([
  ["/home/ana/load.py:14", { file: "/home/ana/load.py", line: 14 }],
  ["cell:9f3c2ab81234:3", { file: "cell:9f3c2ab81234", line: 3 }],
  ["C:\\jobs\\load.py:7", { file: "C:\\jobs\\load.py", line: 7 }],
  ["/home/ana/load.py:0", undefined],
  ["/home/ana/load.py", undefined],
  [":3", undefined],
  ["", undefined],
])("finds file and line in %s", (text, place) => {
  expect(placeOf(text)).toEqual(place);
});
