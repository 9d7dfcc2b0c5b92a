import { createContext, useContext } from "react";
import type { Clock } from "#/lib/time";
import { knownZone } from "#/lib/time";

/** The organisation's time zone, which every time on the pages is in. */
export const ZoneContext = createContext("UTC");

/** The reader's clock at the moment that what is shown was read: renders depend on data, not on when they happen. */
export function useClock(readAt: number): Clock {
  return { zone: knownZone(useContext(ZoneContext)), now: new Date(readAt) };
}
