import { describe, expect, it } from "vitest";
import { columnWords, engineWords, formatWords, hint, pushWords, wasted } from "#/features/reads/reads";
import { reads } from "../../../tests/data";

const [read, write] = reads.items;
if (!read || !write) throw new Error("no data");

describe("a read", () => {
  it("says how many columns were read for nobody, and what to do", () => {
    expect(wasted(read)).toBe(10);
    expect(columnWords(read)).toBe("2 of 12");
    expect(pushWords(read)).toBe("all were read");
    expect(hint(read, "a.py:3")).toBe(
      "10 of 12 columns were parsed and thrown away at a.py:3: usecols=[…] leaves them out; Parquet would not even read them.",
    );
    expect(hint({ ...read, columns_used: 11 }, "a.py:3")).toMatch(/^1 column was parsed/);
    expect(hint({ ...read, format: "json" }, "a.py:3")).toMatch(/parsed and thrown away at a.py:3: Parquet/);
    expect(hint({ ...read, format: "parquet" }, "a.py:3")).toMatch(/were read and thrown away.*columns=\[…\]/);
  });

  it("complains of nothing where the reader was told, all were used, or nothing is known", () => {
    expect(pushWords({ ...read, pushed_down: true })).toBe("the rest left out");
    for (const fine of [{ pushed_down: true }, { columns_used: 12 }, { columns: 0 }, { columns_used: 0 }, write]) {
      expect(hint({ ...read, ...fine }, "a.py:3")).toBe("");
    }
    expect(pushWords({ ...read, columns_used: 12 })).toBe("");
    expect(columnWords({ ...read, columns_used: 0 })).toBe("12");
    expect(columnWords(write)).toBe("–");
  });

  it("names format, engine and compression as far as they are known", () => {
    expect([formatWords(read), engineWords(read)]).toEqual(["CSV", "c engine, gzip"]);
    expect([formatWords(write), engineWords({ ...write, compression: "" })]).toEqual(["Parquet", "pyarrow engine"]);
    expect([formatWords({ ...write, format: "" }), engineWords({ ...write, engine: "" })]).toEqual([
      "not known",
      "snappy",
    ]);
  });
});
