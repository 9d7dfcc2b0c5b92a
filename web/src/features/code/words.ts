import { KIND_WORDS, type Kind, type RestLook } from "#/lib/work";

/** What is no kind of work, in the words of keys and rows. */
const REST_WORDS: Record<RestLook, string> = {
  idle: "idle",
  over: "overhead",
  lost: "lost",
  gap: "reports lost",
  smaller: "smaller lines",
  unattributed: "work on no line",
  unknown: "unknown",
};

/** All that money can have gone to, in the order of the key. */
export const LOOKS = [...Object.keys(KIND_WORDS), ...Object.keys(REST_WORDS)] as (Kind | RestLook)[];

export function lookWords(look: Kind | RestLook): string {
  return { ...KIND_WORDS, ...REST_WORDS }[look];
}

/** The class that draws a look in the style sheet. */
export function lookClass(look: Kind | RestLook): string {
  return look === "unattributed" ? "lines" : look;
}
