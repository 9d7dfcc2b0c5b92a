/** Pages that show a bill as its code: of one cluster, and of all in a period. */
export type CodePath = "/clusters/$clusterId/code" | "/code";

/** What the address of the code page holds beside the cluster. */
export interface CodeSearch {
  file?: string | undefined;
  line?: number | undefined;
  /** The operation that was chosen among the kinds of work. */
  op?: string | undefined;
  /** The branch that fills the width of the picture. */
  zoom?: string | undefined;
  /** Whether lines carry what did no work. */
  loaded?: "yes" | undefined;
  q?: string | undefined;
  /** The cluster this one is compared with. */
  against?: string | undefined;
  /** What the picture's boxes are painted by, if not by the kind of work. */
  paint?: "change" | undefined;
}
