/** Columns that submissions can be ordered by, as they stand in the address. */
export const SUBMISSION_COLUMNS = ["at", "tasks", "cost"] as const;
export type SubmissionColumn = (typeof SUBMISSION_COLUMNS)[number];
