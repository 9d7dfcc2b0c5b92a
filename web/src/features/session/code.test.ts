import { expect, it } from "vitest";
import { codeFrom } from "#/features/session/code";

it.each([
  ["http://127.0.0.1:8470/signin#code=lic_aB-9", "lic_aB-9"],
  ["  lic_aB-9 \n", "lic_aB-9"],
  ["#code=a%2Bb", "a+b"],
  ["#to=x&code=lic_1", "lic_1"],
])("finds the code in %j", (text, code) => {
  expect(codeFrom(text)).toBe(code);
});

it.each([["#"], [""], ["http://127.0.0.1:8470/signin"], ["two words"], ["#code="], ["#code=%E0%A4%A"]])(
  "finds none in %j",
  (text) => {
    expect(codeFrom(text)).toBeUndefined();
  },
);
