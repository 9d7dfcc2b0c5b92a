/** Money is in whole nano-units (billionths) of a currency, as everywhere in the API. */
export const NANOS = 1_000_000_000;

/** Most decimals that nano-units have. */
const MAX_DECIMALS = 9;

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string, decimals: number): Intl.NumberFormat {
  const key = `${currency} ${decimals}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat("en-US", {
      style: "currency",
      currency,
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formats.set(key, format);
  }
  return format;
}

/** Decimals that show at least `digits` significant digits of an amount, and never fewer than cents. */
export function decimalsFor(nanos: number, digits: number): number {
  const amount = Math.abs(nanos);
  if (amount === 0) return 2;
  const magnitude = Math.floor(Math.log10(amount)) - MAX_DECIMALS;
  return Math.min(MAX_DECIMALS, Math.max(2, digits - 1 - magnitude));
}

/** Nano-units that the last of so many decimals stands for. */
export function unitOf(decimals: number): number {
  return 10 ** (MAX_DECIMALS - decimals);
}

/**
 * The one formatter of money: cents, or as many decimals as the two digits that matter need ($0.0021). An amount that has no price is a
 * dash, never zero. Give `decimals` where amounts stand in one column.
 */
export function money(nanos: number | undefined, currency: string | undefined, decimals?: number): string {
  if (nanos === undefined || !currency) return "–";
  const places = decimals ?? decimalsFor(nanos, 2);
  // Rounded in whole nano-units first: dividing first could tip a half the wrong way.
  const unit = unitOf(places);
  const rounded = Math.round(nanos / unit) * unit;
  return formatOf(currency, places)
    .format(rounded / NANOS)
    .replace("-", "−");
}

/**
 * An amount as displayed in a column that adds up. One that the column's unit rounds away says so: it is small, not nothing.
 */
export function fitted(shown: number, exact: number, currency: string, decimals: number): string {
  if (shown === 0 && exact > 0) return `< ${money(unitOf(decimals), currency, decimals)}`;
  return money(shown, currency, decimals);
}

/** A change with its sign: "+$4.12", "−$1.88", and no sign where nothing of it can be seen. */
export function signed(nanos: number, currency: string, decimals: number): string {
  const amount = money(nanos, currency, decimals);
  return nanos > 0 ? `+${amount}` : amount;
}

/** An amount that stands beside others without adding up to a sum, in their decimals. */
export function rounded(nanos: number, currency: string, decimals: number): string {
  const unit = unitOf(decimals);
  return fitted(Math.round(nanos / unit) * unit, nanos, currency, decimals);
}

/** A price per hour: $12.69/h. */
export function rate(nanosPerHour: number | undefined, currency: string | undefined): string {
  const amount = money(nanosPerHour, currency);
  return amount === "–" ? amount : `${amount}/h`;
}

/**
 * Rounds parts to whole units so that they add up to their rounded sum (largest remainder), which is what lets a column of rounded
 * figures be added by hand. Equal remainders go to the earlier part.
 */
export function apportion(parts: readonly number[], unit: number): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  return fitTo(parts, unit, Math.round(total / unit) * unit);
}

/**
 * Rounds parts to whole units that add up to a given sum: that of the row which they explain, which was itself rounded among
 * its neighbours.
 */
export function fitTo(parts: readonly number[], unit: number, sum: number): number[] {
  const units = parts.map((part) => Math.floor(part / unit));
  let left = Math.round(sum / unit) - units.reduce((total, part) => total + part, 0);
  const byRemainder = parts
    .map((part, index) => ({ index, remainder: part / unit - (units[index] ?? 0) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index)
    .map(({ index }) => index);
  const step = Math.sign(left);
  if (step < 0) byRemainder.reverse();
  for (let turn = 0; left !== 0 && byRemainder.length > 0; turn += 1, left -= step) {
    const index = byRemainder[turn % byRemainder.length] ?? 0;
    units[index] = (units[index] ?? 0) + step;
  }
  return units.map((count) => count * unit);
}

/**
 * Spreads a whole amount over weights in proportion: whole nano-units that add up to it exactly, those left over to the largest
 * remainders, equal ones to the earlier part. All zero where there is no weight to spread it over.
 */
export function spread(amount: number, weights: readonly number[]): number[] {
  // An amount times a weight has more digits than a number holds exactly.
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  if (total <= 0n) return weights.map(() => 0);
  const parts = weights.map((weight, index) => {
    const product = BigInt(amount) * BigInt(weight);
    return { index, whole: product / total, remainder: product % total };
  });
  const left = BigInt(amount) - parts.reduce((sum, { whole }) => sum + whole, 0n);
  const first = [...parts]
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder < b.remainder ? 1 : -1))
    .slice(0, Number(left));
  const raised = new Set(first.map(({ index }) => index));
  return parts.map(({ index, whole }) => Number(whole) + (raised.has(index) ? 1 : 0));
}

/** Shares of a whole in tenths of a per cent that add up to 100 %; all zero where the whole is nothing. */
export function shares(parts: readonly number[]): number[] {
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (total <= 0) return parts.map(() => 0);
  const tenths = parts.map((part) => (part / total) * 1000);
  // Binary fractions need not add up to 1000 exactly; the rest is far below a remainder.
  return apportion(tenths, 1).map((tenth) => tenth / 1000);
}
