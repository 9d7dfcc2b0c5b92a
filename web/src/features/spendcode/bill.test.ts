import { expect, it } from "vitest";
import { viewOf } from "#/features/bill/view";
import { filesNamed } from "#/features/clusters/files";
import { aligned } from "#/features/code/changes";
import { treeOf } from "#/features/code/tree";
import type { Branch } from "#/features/flame/branch";
import { costsIn } from "#/features/flame/tone";
import { billOf, CODE_BY } from "#/features/spendcode/bill";
import { spendCodeSearch } from "#/features/spendcode/search";
import { spent } from "../../../tests/data";

const row = (keys: string[], cost_nanos: number) => ({ keys, cost_nanos, thread_seconds: 1, cpu_seconds: 0.5 });

const answer = spent(
  [...CODE_BY],
  [
    row(["/home/ana/load.py", "/home/ana/load.py:14", "load", "read.csv"], 500),
    row(["/home/ana/load.py", "/home/ana/load.py:14", "load", "filter"], 30),
    row(["C:\\jobs\\fit.py", "C:\\jobs\\fit.py:131", "fit", "train.xgboost"], 200),
    row(["", "", "", "idle.no_work"], 90),
    row(["", "", "", "merge"], 8),
    row(["", "", "", "unattributed"], 7),
    row(["", "", "", "unknown"], 6),
    row(["", "", "", "lost.worker"], 5),
  ],
  { rest_rows: 12, rest_nanos: 4, total_nanos: 850, all_nanos: 1000 },
);

it("makes a bill of an answer that holds all of its money, each on its line or in its kind", () => {
  const bill = billOf(answer);
  expect(bill.lines.map((line) => [line.origin_file, line.origin_line, line.cost_nanos])).toEqual([
    ["/home/ana/load.py", 14, 500],
    ["/home/ana/load.py", 14, 30],
    ["C:\\jobs\\fit.py", 131, 200],
  ]);
  expect(bill.categories.map(({ name, cost_nanos }) => [name, cost_nanos])).toEqual([
    ["idle.no_work", 90],
    ["unattributed", 15],
    ["lost.worker", 5],
    ["smaller", 4],
  ]);
  expect(bill.unknown_nanos).toBe(6);
  const parts = [...bill.lines, ...bill.categories].reduce((sum, part) => sum + part.cost_nanos, bill.unknown_nanos);
  expect(parts).toBe(answer.total_nanos);
});

it("draws it as a tree whose boxes know what they cost in another period", () => {
  const names = filesNamed(billOf(answer), undefined, undefined);
  const view = viewOf(billOf(answer), "origin");
  const root = treeOf(view, names, "Fjordlight");
  expect(root.nanos).toBe(850);
  const before = spent(
    [...CODE_BY],
    [
      row(["/home/ana/load.py", "/home/ana/load.py:14", "load", "read.csv"], 400),
      row(["/home/ana/load.py", "/home/ana/load.py:99", "load", "read.csv"], 50),
      row(["", "", "", "idle.no_work"], 100),
    ],
  );
  const both = costsIn(treeOf(aligned(view, viewOf(billOf(before), "origin")), names, "Fjordlight"));
  const at = (id: string) => {
    const look = (branch: Branch): Branch | undefined =>
      branch.id === id ? branch : branch.children.map(look).find(Boolean);
    const found = look(root);
    return found && both(found);
  };
  expect(at("all")).toEqual({ from: 550, to: 850 });
  // A line that is gone still counts for its file.
  expect(at("/home/ana/load.py")).toEqual({ from: 450, to: 530 });
  expect(at("/home/ana/load.py:14")).toEqual({ from: 400, to: 530 });
  expect(at("/home/ana/load.py:14!filter")).toEqual({ from: 0, to: 30 });
  expect(at("rest:idle.no_work")).toEqual({ from: 100, to: 90 });
  expect(at("C:\\jobs\\fit.py")).toEqual({ from: 0, to: 200 });
});

it("reads its address, and only what is understood of it", () => {
  const right = { period: "7d", where: "user=ana", file: "/a.py", line: 3, against: "before", paint: "change" };
  expect(spendCodeSearch(right)).toMatchObject(right);
  const wrong = { period: "x", where: "colour=red", file: 3, line: "-1", against: "after", paint: "red", zoom: "" };
  expect(Object.values(spendCodeSearch(wrong)).every((value) => value === undefined)).toBe(true);
});
