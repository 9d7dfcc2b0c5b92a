import type { Bill, ReadList, SubmissionList } from "#/api/schema";
import { shortNames } from "#/lib/files";

/** Short names of all files that a cluster's page speaks of, so that one file has one name everywhere. */
export function filesNamed(
  bill: Bill | undefined,
  submissions: SubmissionList | undefined,
  reads: ReadList | undefined,
): Map<string, string> {
  const files = [
    ...(bill?.lines.flatMap((entry) => [entry.file, entry.origin_file]) ?? []),
    ...(submissions?.items.map((item) => item.file) ?? []),
    ...(reads?.items.map((item) => item.origin_file) ?? []),
  ];
  return shortNames(files.filter(Boolean));
}
