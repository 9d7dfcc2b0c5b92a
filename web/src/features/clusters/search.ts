import type { Grouping } from "#/features/bill/grouping";
import type { SubmissionColumn } from "#/features/submissions/columns";
import type { Order } from "#/ui/SortHeader";

/** What the address of a cluster's page holds beside the cluster. */
export interface ClusterSearch {
  /** What the rows of the bill are; origins where it is not said, or lines where origins cannot be seen. */
  by?: Grouping | undefined;
  file?: string | undefined;
  line?: number | undefined;
  /** The process whose log is shown. */
  log?: string | undefined;
  /** The filters of the bill and of the submissions. */
  q?: string | undefined;
  sub?: string | undefined;
  /** The order of the submissions. */
  sort?: Order<SubmissionColumn> | undefined;
}
