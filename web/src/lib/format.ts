const NARROW_SPACE = "\u202f";

/** A share of one: 29.0 %. */
export function percent(share: number | undefined, decimals = 1): string {
  if (share === undefined || !Number.isFinite(share)) return "–";
  return `${(share * 100).toFixed(decimals)}${NARROW_SPACE}%`;
}

const STEPS: readonly (readonly [string, number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** From so many of a step on, the one below it tells nothing. */
const ROUND = 100;

/** The one formatter of durations, in the words people use: 0.4 s, 45 s, 3 min 10 s, 2 h 45 min, 3 d 4 h. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds > 0 && seconds < 0.05) return "< 0.1 s";
  if (seconds > 0 && seconds < 9.95) return `${seconds.toFixed(1)} s`;
  let rest = Math.max(0, Math.round(seconds));
  const words: string[] = [];
  for (const [index, [word, size]] of STEPS.entries()) {
    if (words.length === 0 && rest < size && word !== "s") continue;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || words.length === 0) words.push(`${count.toLocaleString("en-US")} ${word}`);
    // Two neighbouring steps are all that anyone reads; round numbers say only the first.
    const next = STEPS[index + 1];
    if (!next || words.length === 2 || count >= ROUND) break;
    const following = Math.floor(rest / next[1]);
    if (following > 0) words.push(`${following} ${next[0]}`);
    break;
  }
  return words.join(" ");
}

/** Bytes in powers of ten, as the rate card prices them: 512 B, 1.2 GB. */
export function bytes(count: number | undefined): string {
  if (count === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = count;
  let step = 0;
  while (value >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${step === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

/** "1 worker", "4 workers". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;
}
