/** What the rows of a bill may be: as they stand in the address. */
export const GROUPINGS = ["origin", "line", "operation", "library"] as const;
export type Grouping = (typeof GROUPINGS)[number];
