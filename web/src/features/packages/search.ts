import type { Grade, PackageColumn } from "#/features/packages/columns";
import type { Order } from "#/ui/SortHeader";

/** What the address of the packages' page holds. */
export interface PackageSearch {
  name?: string | undefined;
  /** A PEP 440 range. */
  version?: string | undefined;
  /** The least grade; installed where it is not said. */
  grade?: Grade | undefined;
  /** Only this cluster. */
  cluster?: string | undefined;
  sort?: Order<PackageColumn> | undefined;
}
