import { describe, expect, it } from "vitest";
import { highlight } from "#/lib/python";

const plain = (source: string) => highlight(source).map((tokens) => tokens.map((token) => token.text).join(""));
const kinds = (line: string) =>
  highlight(line)[0]
    ?.filter((token) => token.kind)
    .map((token) => [token.kind, token.text]);

describe("highlight", () => {
  it("loses no character", () => {
    const source = 'def f(x):\n\t"""Doc\n  more"""\n  return f"{x}" + r\'\\d\'  # end\n\nprint("open';
    expect(plain(source).join("\n")).toBe(source);
  });

  it("colours keywords, strings and comments", () => {
    expect(kinds('for x in "a # b": # c')).toEqual([
      ["keyword", "for"],
      ["keyword", "in"],
      ["string", '"a # b"'],
      ["comment", "# c"],
    ]);
  });

  it("leaves names alone that only begin like a keyword", () => {
    expect(kinds("format = importer.island")).toEqual([]);
  });

  it("carries a long string over lines, and ends it", () => {
    const lines = highlight('x = """one\ntwo\nthree""" + y');
    expect(lines[1]).toEqual([{ text: "two", kind: "string" }]);
    expect(lines[2]).toEqual([{ text: 'three"""', kind: "string" }, { text: " + y" }]);
  });

  it("does not carry a short string that was never closed", () => {
    expect(highlight("a = 'open\nb = 1")[1]).toEqual([{ text: "b = 1" }]);
  });

  it("minds escapes", () => {
    expect(kinds(String.raw`a = "x\"y" + b`)).toEqual([["string", String.raw`"x\"y"`]]);
  });
});
