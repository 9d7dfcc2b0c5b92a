import type { Bill, BillCategory, BillLine, CostBreakdown } from "#/api/schema";
import { SMALLER } from "#/lib/work";

/** What the code page asks: enough to make a bill of many clusters. */
export const CODE_BY = ["file", "line", "function", "operation"] as const;

/**
 * An answer by file, line, function and operation as a bill, so that all that shows the bill of one cluster shows that of many. Where
 * threads stood is not asked for, so each entry stands on the line that created its work; what the answer did not list is a row of its own.
 */
export function billOf(answer: CostBreakdown): Bill {
  const lines: BillLine[] = [];
  const categories = new Map<string, BillCategory>();
  let unknown = 0;
  for (const { keys, cost_nanos, thread_seconds, cpu_seconds } of answer.rows) {
    const [file = "", place = "", called = "", operation = ""] = keys;
    if (file === "") {
      // Work on no line has an operation, but belongs to no line all the same.
      const name = categoryOf(operation);
      if (name === "unknown") unknown += cost_nanos;
      else {
        const sum = categories.get(name) ?? { name, cost_nanos: 0, thread_seconds: 0 };
        categories.set(name, {
          name,
          cost_nanos: sum.cost_nanos + cost_nanos,
          thread_seconds: sum.thread_seconds + thread_seconds,
        });
      }
      continue;
    }
    const line = Number(place.slice(place.lastIndexOf(":") + 1));
    lines.push({
      cost_nanos,
      cpu_seconds,
      thread_seconds,
      native_seconds: 0,
      file,
      line,
      function: called,
      text: "",
      origin_file: file,
      origin_line: line,
      origin_function: called,
      origin_text: "",
      origin_level: "created",
      operation,
      library: "",
      prefixes: [],
    });
  }
  if (answer.rest_rows > 0) {
    categories.set(SMALLER, { name: SMALLER, cost_nanos: answer.rest_nanos, thread_seconds: 0 });
  }
  const seconds = answer.rows.reduce((sum, row) => sum + row.thread_seconds, 0);
  return {
    cluster_id: "",
    currency: answer.currency,
    start: answer.start,
    as_of: answer.as_of,
    method: "agent",
    rates: answer.rates,
    rules_version: answer.rules_version,
    total_nanos: answer.total_nanos,
    unknown_nanos: unknown,
    lines,
    categories: [...categories.values()].sort((a, b) => b.cost_nanos - a.cost_nanos),
    capacity_seconds: seconds,
    coverage_seconds: seconds,
    work_seconds: seconds,
    origin_seconds: seconds,
  };
}

const NO_WORK = /^(idle|overhead|lost)\.|^unknown$/;

function categoryOf(operation: string): string {
  return NO_WORK.test(operation) ? operation : "unattributed";
}
