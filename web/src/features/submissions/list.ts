import type { Submission } from "#/api/schema";
import type { SubmissionColumn } from "#/features/submissions/columns";
import { apportion, unitOf } from "#/lib/money";
import type { Order } from "#/ui/SortHeader";

/** A submission with its cost as displayed: rounded so that the column adds up. */
export interface SubmissionRow {
  submission: Submission;
  shown: number;
}

/** Lays submissions out, in the decimals of the bill that they are part of. */
export function submissionRows(items: readonly Submission[], decimals: number): SubmissionRow[] {
  const shown = apportion(
    items.map((item) => item.cost_nanos),
    unitOf(decimals),
  );
  return items.map((submission, index) => ({ submission, shown: shown[index] ?? 0 }));
}

/** Tags as people write them: "project=churn". */
export function tagsOf(submission: Submission): string[] {
  return Object.entries(submission.tags)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

/** The submissions in which every word of the filter stands. */
export function matchingSubmissions(rows: readonly SubmissionRow[], filter: string): SubmissionRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ submission: s }) => {
    const place = `${s.file}:${s.line} ${s.function} ${s.text}`;
    const who = `${s.user} ${s.host} ${s.kind} ${s.path} ${s.commit} ${s.client}`;
    const text = `${place} ${who} ${tagsOf(s).join(" ")} ${s.span.join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const VALUES: Record<SubmissionColumn, (submission: Submission) => number> = {
  at: (submission) => new Date(submission.at).getTime(),
  tasks: (submission) => submission.tasks,
  cost: (submission) => submission.cost_nanos,
};

/** Submissions in the order of a column; equal ones newest first. */
export function orderedSubmissions(rows: readonly SubmissionRow[], order: Order<SubmissionColumn>): SubmissionRow[] {
  const down = order.startsWith("-");
  const value = VALUES[(down ? order.slice(1) : order) as SubmissionColumn];
  return [...rows].sort((a, b) => {
    const by = value(a.submission) - value(b.submission);
    return (down ? -by : by) || b.submission.id - a.submission.id;
  });
}
