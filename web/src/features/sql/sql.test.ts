import { describe, expect, it } from "vitest";
import type { SqlAnswer } from "#/api/queries/sql";
import { forget, remember, sqlHistory } from "#/features/sql/history";
import { sqlPeriod, sqlSince } from "#/features/sql/search";
import { answerCsv, isNumeric, planOf, valueText } from "#/features/sql/values";

const answer = (columns: [string, string][], rows: SqlAnswer["rows"]): SqlAnswer => ({
  columns: columns.map(([name, type]) => ({ name, type })),
  rows,
  row_count: rows.length,
  more: false,
  cut: "",
  tables: [],
  loaded_rows: 0,
  bytes: 1,
  milliseconds: 1,
  as_of: "2026-11-19T10:00:00Z",
});

/** What a browser keeps. */
function storage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
}

describe("statements that ran", () => {
  it("are kept newest first, once each, and so many", () => {
    const localStorage = storage();
    remember("select 1", localStorage);
    remember("select 2", localStorage);
    expect(remember("select 1", localStorage)).toEqual(["select 1", "select 2"]);
    for (let i = 0; i < 60; i++) remember(`select ${i} + 1`, localStorage);
    expect(sqlHistory(localStorage)).toHaveLength(50);
    expect(sqlHistory(localStorage)[0]).toBe("select 59 + 1");
    expect(forget(localStorage)).toEqual([]);
    expect(sqlHistory(localStorage)).toEqual([]);
  });

  it("survive what is not theirs, and a browser that keeps nothing", () => {
    for (const wrong of ["{", "7", '{"a": 1}']) {
      expect(sqlHistory({ getItem: () => wrong, setItem: () => undefined })).toEqual([]);
    }
    const full = {
      getItem: () => "[]",
      setItem: () => {
        throw new Error("quota");
      },
    };
    expect(remember("select 1", full)).toEqual(["select 1"]);
    expect(remember("x".repeat(30_000), storage())).toEqual([]);
  });
});

describe("values", () => {
  it("are written as they are", () => {
    expect([null, "a", 1.5, true, [1, null], { a: "b" }].map(valueText)).toEqual([
      "",
      "a",
      "1.5",
      "true",
      "[1,null]",
      '{"a":"b"}',
    ]);
  });

  it("stand at the right where they are numbers", () => {
    const types = [
      "INTEGER",
      "BIGINT",
      "HUGEINT",
      "UINTEGER",
      "DOUBLE",
      "DECIMAL(18,2)",
      "VARCHAR",
      "TIMESTAMP",
      "INTEGER[]",
      "INTERVAL",
    ];
    expect(types.filter(isNumeric)).toEqual(["INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "DOUBLE", "DECIMAL(18,2)"]);
  });

  it("become CSV that no spreadsheet runs", () => {
    const given = answer(
      [
        ["word", "VARCHAR"],
        ["n", "BIGINT"],
      ],
      [
        ["=1+1", -5],
        ['a,"b"', "9007199254740993"],
        [null, null],
      ],
    );
    expect(answerCsv(given)).toBe('word,n\r\n\'=1+1,-5\r\n"a,""b""",9007199254740993\r\n,\r\n');
  });

  it("of a plan are one drawing", () => {
    expect(
      planOf(
        answer(
          [
            ["explain_key", "VARCHAR"],
            ["explain_value", "VARCHAR"],
          ],
          [["physical_plan", "┌──┐"]],
        ),
      ),
    ).toBe("┌──┐");
    expect(planOf(answer([["a", "VARCHAR"]], [["b"]]))).toBeUndefined();
  });
});

describe("periods", () => {
  it("are those that there are", () => {
    expect(["7", "30", "x", 7, undefined].map(sqlPeriod)).toEqual(["7", "30", undefined, undefined, undefined]);
    const now = new Date("2026-11-19T10:00:00Z");
    expect(sqlSince("7", now)).toBe("2026-11-12T10:00:00.000Z");
    expect(sqlSince(undefined, now)).toBeUndefined();
  });
});
