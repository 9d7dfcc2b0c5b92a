import { expect, it } from "vitest";
import { matching, ordered, runningRates } from "#/features/clusters/list";
import { cluster } from "../../../tests/data";

const clusters = [
  cluster({ id: "a", name: "alpha", cost_nanos: 5, created_at: "2026-11-19T09:00:00Z" }),
  cluster({ id: "b", name: "beta", cost_nanos: 9, created_at: "2026-11-19T10:00:00Z", status: "stopped" }),
  cluster({
    id: "c",
    name: "gamma",
    cost_nanos: 5,
    created_at: "2026-11-19T11:00:00Z",
    owner: { id: "u2", name: "Jonas", role: "user" },
  }),
];
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).join("");

it("filters by every word, in name, owner or status", () => {
  expect(ids(matching(clusters, "jonas"))).toBe("c");
  expect(ids(matching(clusters, "RUTH stopped"))).toBe("b");
  expect(ids(matching(clusters, " "))).toBe("abc");
});

it("orders by a column, equal ones newest first", () => {
  expect(ids(ordered(clusters, "-cost"))).toBe("bca");
  expect(ids(ordered(clusters, "cost"))).toBe("cab");
  expect(ids(ordered(clusters, "name"))).toBe("abc");
  expect(ids(ordered(clusters, "-status"))).toBe("bca");
});

it("adds rates of one currency only", () => {
  const mixed = [cluster(), cluster(), cluster({ currency: "EUR" })];
  expect(runningRates(mixed)).toEqual([
    { currency: "USD", rate: 620_000_000 },
    { currency: "EUR", rate: 310_000_000 },
  ]);
});
