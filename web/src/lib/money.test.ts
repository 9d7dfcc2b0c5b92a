import { describe, expect, it } from "vitest";
import { apportion, decimalsFor, fitted, money, NANOS, rate, shares, unitOf } from "#/lib/money";

/** Numbers that look random and are the same on every run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Displayed money back as nano-units, exactly: digits only, no floating point. */
function parse(text: string): bigint {
  const digits = text.replace(/[^\d.−]/g, "");
  const [whole = "0", fraction = ""] = digits.split(".");
  return BigInt(whole) * BigInt(NANOS) + BigInt(fraction.padEnd(9, "0"));
}

describe("money", () => {
  it.each([
    [50_010_000_000, "$50.01"],
    [12_690_000_000, "$12.69"],
    [4_158_000_000_000, "$4,158.00"],
    [310_000_000, "$0.31"],
    [100_000_000, "$0.10"],
    [21_554_190, "$0.022"],
    [2_100_000, "$0.0021"],
    [1, "$0.000000001"],
    [0, "$0.00"],
    [-3_360_000_000, "−$3.36"],
    [9_000_000_000_000_000, "$9,000,000.00"],
  ])("shows %d nanos as %s", (nanos, words) => {
    expect(money(nanos, "USD")).toBe(words);
  });

  it("is a dash without a price, never zero", () => {
    expect(money(undefined, "USD")).toBe("–");
    expect(money(12, "")).toBe("–");
    expect(rate(undefined, "USD")).toBe("–");
  });

  it("keeps the decimals of its column", () => {
    expect(money(1_230_000, "USD", 4)).toBe("$0.0012");
    expect(money(2_000_000_000, "EUR", 2)).toBe("€2.00");
  });

  it("does not call a small amount nothing", () => {
    expect(fitted(0, 21_222, "USD", 4)).toBe("< $0.0001");
    expect(fitted(0, 0, "USD", 4)).toBe("$0.0000");
    expect(fitted(100_000, 60_000, "USD", 4)).toBe("$0.0001");
  });

  it("shows a rate per hour", () => {
    expect(rate(12_690_000_000, "USD")).toBe("$12.69/h");
  });
});

describe("apportion", () => {
  it("gives the units left over to the largest remainders", () => {
    expect(apportion([33, 33, 34], 10)).toEqual([30, 30, 40]);
    expect(apportion([5, 5, 5, 5], 10)).toEqual([10, 10, 0, 0]);
    expect(apportion([], 10)).toEqual([]);
  });

  it("makes displayed parts add up to the displayed total, whatever the parts", () => {
    const random = numbers(7);
    for (let round = 0; round < 150; round += 1) {
      const size = 1 + Math.floor(random.next().value * 40);
      const scale = 10 ** Math.floor(random.next().value * 14);
      const parts = Array.from({ length: size }, () => Math.floor(random.next().value * scale));
      const total = parts.reduce((sum, part) => sum + part, 0);
      const decimals = decimalsFor(total, 3);
      const unit = unitOf(decimals);
      const shown = apportion(parts, unit);
      const added = shown.reduce((sum, part) => sum + parse(money(part, "USD", decimals)), 0n);
      expect(added).toBe(parse(money(total, "USD", decimals)));
      for (const [index, part] of shown.entries()) {
        expect(part % unit).toBe(0);
        expect(Math.abs(part - (parts[index] ?? 0))).toBeLessThan(unit);
      }
    }
  });
});

describe("shares", () => {
  it("add up to one", () => {
    const random = numbers(11);
    for (let round = 0; round < 200; round += 1) {
      const parts = Array.from(
        { length: 1 + Math.floor(random.next().value * 30) },
        () => Math.floor(random.next().value * 1e9) + 1,
      );
      const tenths = shares(parts).map((share) => Math.round(share * 1000));
      expect(tenths.reduce((sum, share) => sum + share, 0)).toBe(1000);
    }
  });

  it("are zero of nothing", () => {
    expect(shares([0, 0])).toEqual([0, 0]);
  });
});
