import { describe, expect, it } from "vitest";
import { csv } from "#/lib/csv";

/** Reads CSV back, as a spreadsheet does. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  let at = 0;
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      at += 1;
      while (text[at] !== '"' || text[at + 1] === '"') {
        if (text[at] === '"') at += 1;
        cell += text[at];
        at += 1;
      }
      at += 1;
    } else while (at < text.length && text[at] !== "," && text[at] !== "\r") cell += text[at++];
    rows.at(-1)?.push(cell);
    if (text[at] === "\r") {
      at += 2;
      if (at < text.length) rows.push([]);
    } else at += 1;
  }
  return rows;
}

describe("csv", () => {
  it("reads back as it was, whatever is in it", () => {
    const cells = ["", "a", 'say "hi"', "a,b", "two\r\nlines", "x\ny", '"', "ünï", "a=b"];
    const rows = cells.map((cell, index) => [cell, cells[(index * 5 + 1) % cells.length] ?? "", "end"]);
    expect(parse(csv(["one", "two", "three"], rows))).toEqual([["one", "two", "three"], ...rows]);
  });

  it("makes text of what a spreadsheet would run", () => {
    expect(csv(["name"], [["=1+1"], ["@x"], ["-2"], ["+3"]])).toBe("name\r\n'=1+1\r\n'@x\r\n'-2\r\n'+3\r\n");
    expect(csv(["n"], [[-2], [1.5]])).toBe("n\r\n-2\r\n1.5\r\n");
  });
});
