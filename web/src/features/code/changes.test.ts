import { describe, expect, it } from "vitest";
import { viewOf } from "#/features/bill/view";
import { changesOf } from "#/features/code/changes";
import { comparable, earlier } from "#/features/code/others";
import { signed } from "#/lib/money";
import { bill, cluster, line, me } from "../../../tests/data";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function billOf(lines: ReturnType<typeof line>[], idle = 0) {
  const categories = [{ name: "idle.no_work", cost_nanos: idle, thread_seconds: 1 }];
  return viewOf(
    bill({ lines, categories, unknown_nanos: 0, total_nanos: sum(lines.map((entry) => entry.cost_nanos)) + idle }),
    "origin",
  );
}

const cents = (count: number) => count * 10_000_000;

describe("changes between two bills", () => {
  it("follow a line by its file and text, wherever it stands", () => {
    const then = billOf([line(5, cents(300), "a = read(x)", "p"), line(9, cents(100), "b = join(a)", "p")], cents(50));
    const now = billOf([line(7, cents(500), "a = read(x)", "p"), line(9, cents(40), "c = sort(a)", "p")], cents(80));
    const { rows, others, total } = changesOf(now, then);
    expect(rows.map((row) => [row.place?.line ?? row.look, row.here, row.from, row.to, row.shown])).toEqual([
      [7, true, cents(300), cents(500), cents(200)],
      [9, true, 0, cents(40), cents(40)],
      ["idle", true, cents(50), cents(80), cents(30)],
      [9, false, cents(100), 0, -cents(100)],
    ]);
    expect(others).toEqual({ count: 1, nanos: 0, shown: 0 });
    expect(total).toEqual({ from: cents(450), to: cents(620), shown: cents(170) });
  });

  it("know a file by its name where it moved, and tell lines of one text apart by their order", () => {
    const moved = { file: "/srv/jobs/flights.py" };
    const then = billOf([line(1, cents(100), "x()", "p", moved), line(2, cents(200), "x()", "p", moved)]);
    const now = billOf([line(3, cents(150), "x()", "p"), line(8, cents(200), "x()", "p")]);
    expect(changesOf(now, then).rows.map((row) => [row.place?.line, row.nanos])).toEqual([[3, cents(50)]]);
  });

  it("keep files apart that only share a name", () => {
    const at = (folder: string, cost: number) => line(1, cost, "x()", "p", { file: `/${folder}/job.py` });
    const { rows } = changesOf(billOf([at("c", cents(3))]), billOf([at("a", cents(1)), at("b", cents(2))]));
    expect(rows).toHaveLength(3);
  });

  it("add up to the change of the total, exactly and as displayed, whatever the bills", () => {
    let state = 5;
    const next = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    const random = () =>
      billOf(
        Array.from({ length: next(40) }, () =>
          line(1 + next(20), next(10 ** (1 + next(12))), ["x()", "y()", "", "z = 1"][next(4)] ?? "", "p", {
            file: ["/a/j.py", "/b/j.py", "/b/k.py", "cell:0a1b2c3d", "cell:ffffffff"][next(5)] ?? "",
          }),
        ),
        next(10 ** 11),
      );
    for (let round = 0; round < 60; round += 1) {
      const [now, then] = [random(), random()];
      const { rows, others, total } = changesOf(now, then);
      expect(sum(rows.map((row) => row.nanos)) + others.nanos).toBe(now.total - then.total);
      expect(sum(rows.map((row) => row.shown)) + others.shown).toBe(total.shown);
      expect(total.to - total.from).toBe(total.shown);
      expect(rows.every((row) => row.to - row.from === row.nanos && row.shown !== 0)).toBe(true);
    }
  });

  it("carry a sign", () => {
    expect(signed(cents(412), "USD", 2)).toBe("+$4.12");
    expect(signed(-cents(188), "USD", 2)).toBe("−$1.88");
    expect(signed(0, "USD", 2)).toBe("$0.00");
  });
});

describe("clusters to compare with", () => {
  const other = { id: "u2", name: "Mei", role: "user" } as const;
  const all = [
    cluster(),
    cluster({ id: "c2", created_at: "2026-11-18T09:00:00Z" }),
    cluster({ id: "c3", created_at: "2026-11-20T09:00:00Z" }),
    cluster({ id: "c4", owner: other }),
    cluster({ id: "c5", currency: "EUR" }),
    cluster({ id: "c6", cost_nanos: 0 }),
  ];

  it("are the owner's own that cost something, in the same money; the one before comes first to mind", () => {
    const others = comparable(cluster(), all);
    expect(others.map(({ id }) => id)).toEqual(["c3", "c2"]);
    expect(others.every(({ owner }) => owner.id === me.user.id)).toBe(true);
    expect(earlier(cluster(), others)?.id).toBe("c2");
    expect(earlier(cluster({ created_at: "2026-11-01T09:00:00Z" }), others)?.id).toBe("c3");
    expect(earlier(cluster(), [])).toBeUndefined();
  });
});
