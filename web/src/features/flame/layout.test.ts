import { describe, expect, it } from "vitest";
import { type Branch, find, isWork, type Look, more, pathTo } from "#/features/flame/branch";
import { edges } from "#/features/flame/draw";
import { type Box, boxAt, type Layout, labelFor, layout, STEPS, stepFrom } from "#/features/flame/layout";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function branch(id: string, nanos: number, children: Branch[] = [], look: Look = "read"): Branch {
  const total = children.length > 0 ? sum(children.map((child) => child.nanos)) : nanos;
  return { id, names: [`long ${id}`, id], look, nanos: total, shown: total, children, words: id };
}

/** A tree of random shape and amounts, nothing among them, dearest first as bills are. */
function randomTree(seed: number): Branch {
  let state = seed;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const looks: readonly Look[] = ["read", "group", "code", "idle", "unknown"];
  const grow = (id: string, depth: number): Branch => {
    const children =
      depth === 0
        ? []
        : Array.from({ length: next(depth === 4 ? 300 : 6) }, (_, index) => grow(`${id}.${index}`, depth - 1)).sort(
            (a, b) => b.nanos - a.nanos,
          );
    return branch(id, next(10 ** (1 + next(13))), children, looks[next(looks.length)]);
  };
  return grow("t", 4);
}

/** Boxes that those below them do not fill exactly, from edge to edge without a gap; none is as it should be. */
function unfilled({ boxes, path }: Layout): Box[] {
  return boxes.slice(path.length - 1).filter((box) => {
    if (box.to - box.from !== box.branch.nanos) return true;
    const inside = boxes
      .filter(({ depth, from, to }) => depth === box.depth + 1 && from >= box.from && to <= box.to)
      .sort((a, b) => a.from - b.from);
    if (inside.length === 0) return false;
    const gaps = inside.some((part, index) => part.from !== (inside[index - 1]?.to ?? box.from));
    return gaps || inside.at(-1)?.to !== box.to || sum(inside.map((part) => part.branch.nanos)) !== box.branch.nanos;
  });
}

describe("layout", () => {
  it("fills every box exactly, to the nano-unit, whatever the tree, the width and the zoom", () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const root = randomTree(seed);
      for (const width of [60, 326, 1160]) {
        const whole = layout(root, undefined, (root.nanos * 3) / width);
        expect(unfilled(whole)).toEqual([]);
        for (const { branch: zoomed } of whole.boxes.slice(0, 6)) {
          const laid = layout(root, zoomed.id, (zoomed.nanos * 3) / width);
          expect(laid.path.at(-1)?.id).toBe(zoomed.id);
          expect(laid.span).toBe(zoomed.nanos);
          expect(unfilled(laid)).toEqual([]);
        }
      }
    }
  });

  it("merges narrow neighbours, never work with what is none, and opens them again", () => {
    const narrow = Array.from({ length: 20 }, (_, index) => branch(`n${index}`, 1));
    const idle = ["i0", "i1"].map((id) => branch(id, 1, [], "idle"));
    const root = branch("all", 0, [branch("wide", 1000), ...narrow, ...idle], "root");
    const laid = layout(root, undefined, 5);
    expect(laid.boxes.map((box) => [box.branch.names.at(-1), box.branch.nanos])).toEqual([
      ["all", 1022],
      ["wide", 1000],
      ["+20", 20],
      ["+2", 2],
    ]);
    expect(laid.boxes.map((box) => isWork(box.branch.look))).toEqual([true, true, true, false]);
    const opened = layout(root, laid.boxes[2]?.branch.id, 0.5);
    expect(opened.path.map(({ id }) => id)).toEqual(["all", "all~1-21"]);
    expect(opened.boxes).toHaveLength(22);
    // All that fills the width are shown, however narrow.
    expect(layout(root, "all~1-21", 50).boxes).toHaveLength(22);
  });

  it("gives what is merged the look of most of its money, unless it is no work and mixed", () => {
    const looks = (...parts: [Look, number][]) =>
      more(
        branch(
          "all",
          0,
          parts.map(([look, nanos], index) => branch(`p${index}`, nanos, [], look)),
        ),
        0,
        parts.length,
      ).look;
    expect(looks(["read", 1], ["group", 2], ["read", 2])).toBe("read");
    expect(looks(["idle", 1], ["idle", 2])).toBe("idle");
    expect(looks(["idle", 1], ["unknown", 2])).toBe("more");
  });

  it("shows the whole where the address names nothing", () => {
    const root = branch("all", 0, [branch("a", 2), branch("b", 1)], "root");
    for (const id of ["gone", "all~0-9", "all~2-1", "a~0-1", "~0-0", ""]) {
      expect(layout(root, id, 0).path).toEqual([root]);
    }
    expect(pathTo(root, "b")?.map(({ id }) => id)).toEqual(["all", "b"]);
  });

  it("draws nothing of nothing, and never less than a pixel of something", () => {
    const root = branch("all", 0, [branch("a", 0), branch("b", 0)], "root");
    expect(layout(root, undefined, 0).boxes).toHaveLength(1);
    expect(edges({ from: 0, to: 0 }, 0, 100)).toEqual([0, 1]);
    expect(edges({ from: 1, to: 2 }, 1e9, 100)).toEqual([0, 1]);
  });
});

describe("moving among boxes", () => {
  const root = branch("all", 0, [branch("a", 0, [branch("a1", 3), branch("a2", 1)]), branch("b", 2)], "root");
  const laid = layout(root, undefined, 0);
  const go = (id: string, ...keys: string[]) => {
    let box = laid.boxes.find((candidate) => candidate.branch.id === id);
    for (const key of keys) {
      const step = STEPS[key];
      if (box && step) box = stepFrom(laid, box, step);
    }
    return box?.branch.id;
  };

  it("goes beside, into and out of boxes, and stays at the ends", () => {
    expect(go("all", "ArrowDown", "ArrowDown", "ArrowRight")).toBe("a2");
    expect(go("a2", "ArrowRight")).toBe("a2");
    expect(go("a2", "ArrowUp", "ArrowRight", "ArrowDown")).toBe("b");
    expect(go("b", "Home")).toBe("a");
    expect(go("a1", "End")).toBe("a2");
    expect(go("a", "ArrowLeft")).toBe("a");
    expect(go("all", "ArrowUp")).toBe("all");
  });

  it("finds what is pointed at", () => {
    expect(boxAt(laid, 0, 0.99)?.branch.id).toBe("all");
    expect(boxAt(laid, 1, 0.66)?.branch.id).toBe("a");
    expect(boxAt(laid, 1, 0.67)?.branch.id).toBe("b");
    expect(boxAt(laid, 2, 0.9)).toBeUndefined();
    expect(boxAt(laid, 1, 1)).toBeUndefined();
  });
});

describe("labels", () => {
  const measure = (text: string) => text.length * 7;
  const label = (width: number) => labelFor(["load.py:14 read_csv", "load.py:14", ":14"], "$3.18", width, measure);

  it("say as much as fits, and never more", () => {
    expect([200, 130, 80, 40, 30, 10].map(label)).toEqual([
      "load.py:14 read_csv  $3.18",
      "load.py:14  $3.18",
      ":14  $3.18",
      ":14",
      ":14",
      "",
    ]);
    for (let width = 0; width < 200; width += 1) expect(measure(label(width))).toBeLessThanOrEqual(width);
  });

  it("begin a name that has no shorter form", () => {
    expect(labelFor(["station_means()"], "$1,018.11", 50, measure)).toBe("statio…");
  });
});

describe("find", () => {
  const root = branch("all", 0, [branch("load", 0, [branch("load:1", 3), branch("x", 1)]), branch("b", 2)], "root");

  it("sums what matches once, with all that is inside of it", () => {
    expect(find(root, " LOAD ")).toEqual({ ids: new Set(["load", "load:1", "x"]), count: 1, nanos: 4 });
    expect(find(root, "x")).toMatchObject({ count: 1, nanos: 1 });
    expect(find(root, "nowhere")).toMatchObject({ count: 0, nanos: 0 });
    expect(find(root, "  ")).toBeUndefined();
  });

  it("never finds more than there is, whatever the tree and the text", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const tree = randomTree(seed);
      for (const text of ["t", ".1", "2.3", "t.0"]) {
        const found = find(tree, text);
        expect(found?.nanos).toBeLessThanOrEqual(tree.nanos);
        expect(find(tree, "t")?.nanos).toBe(tree.nanos);
      }
    }
  });
});
