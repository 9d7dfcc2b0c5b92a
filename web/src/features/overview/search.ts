/** What the overview's address says: a month, or how many days up to now; and what is compared by whom. */
export interface OverviewSearch {
  month?: string | undefined;
  days?: Days | undefined;
  movers?: MoverDimension | undefined;
}

/** A month as the address has it: 2026-11. */
export const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;

export const DAYS = [7, 30, 90] as const;
export type Days = (typeof DAYS)[number];

export const MOVER_DIMENSIONS = ["group", "user", "operation", "line"] as const;
export type MoverDimension = (typeof MOVER_DIMENSIONS)[number];
