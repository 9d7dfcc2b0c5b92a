import { describe, expect, it } from "vitest";
import { matchingSubmissions, orderedSubmissions, submissionRows, tagsOf } from "#/features/submissions/list";
import { unitOf } from "#/lib/money";
import { submission } from "../../../tests/data";

const items = [
  submission(3, { cost_nanos: 3_333_333, tasks: 1 }),
  submission(2, { cost_nanos: 3_333_333, tasks: 9, user: "mei", tags: {}, span: ["etl", "load"] }),
  submission(1, { cost_nanos: 3_333_334, tasks: 9, path: "run.py", kind: "script" }),
];
const ids = (rows: { submission: { id: number } }[]) => rows.map((row) => row.submission.id);

describe("submissions", () => {
  it("are shown so that their costs add up", () => {
    const rows = submissionRows(items, 4);
    const sum = rows.reduce((total, row) => total + row.shown, 0);
    expect(sum).toBe(10_000_000);
    expect(rows.every((row) => row.shown % unitOf(4) === 0)).toBe(true);
  });

  it("are found by every word of what is known and self-declared", () => {
    const rows = submissionRows(items, 4);
    expect(ids(matchingSubmissions(rows, ""))).toEqual([3, 2, 1]);
    expect(ids(matchingSubmissions(rows, "MEI"))).toEqual([2]);
    expect(ids(matchingSubmissions(rows, "project=churn run.py"))).toEqual([1]);
    expect(ids(matchingSubmissions(rows, "etl"))).toEqual([2]);
    expect(ids(matchingSubmissions(rows, "flights.py:31 notebook"))).toEqual([3, 2]);
    expect(matchingSubmissions(rows, "nobody")).toEqual([]);
  });

  it("sort by time, tasks or cost; equal ones newest first", () => {
    const rows = submissionRows(items, 4);
    expect(ids(orderedSubmissions(rows, "-at"))).toEqual([3, 2, 1]);
    expect(ids(orderedSubmissions(rows, "at"))).toEqual([1, 2, 3]);
    expect(ids(orderedSubmissions(rows, "-tasks"))).toEqual([2, 1, 3]);
    expect(ids(orderedSubmissions(rows, "-cost"))).toEqual([1, 3, 2]);
  });

  it("bear tags as people write them", () => {
    expect(tagsOf(submission(1, { tags: { team: "x", project: "churn" } }))).toEqual(["project=churn", "team=x"]);
  });
});
