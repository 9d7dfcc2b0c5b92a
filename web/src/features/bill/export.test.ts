import { expect, it } from "vitest";
import { billCsv } from "#/features/bill/export";
import { bill } from "../../../tests/data";

it("exports parts whose costs add up to the total, exactly", () => {
  const given = bill();
  const [header = "", ...rows] = billCsv(given).trimEnd().split("\r\n");
  expect(header.endsWith(",cost_USD")).toBe(true);
  expect(rows).toHaveLength(given.lines.length + given.categories.length + 1);
  const nanos = rows.map((row) => Math.round(Number(row.split(",").at(-1)) * 1e9));
  expect(nanos.reduce((sum, part) => sum + part, 0)).toBe(given.total_nanos);
  expect(rows.at(-1)).toMatch(/^unknown,/);
  for (const row of rows.filter((text) => !text.includes('"'))) {
    expect(row.split(",")).toHaveLength(header.split(",").length);
  }
});
