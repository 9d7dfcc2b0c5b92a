/** Columns that packages can be ordered by, and what is known of their use, least first: as they stand in the address. */
export const PACKAGE_COLUMNS = ["name", "version", "grade", "cluster", "owner", "last", "cost"] as const;
export type PackageColumn = (typeof PACKAGE_COLUMNS)[number];
export const GRADES = ["installed", "imported", "seen"] as const;
export type Grade = (typeof GRADES)[number];
