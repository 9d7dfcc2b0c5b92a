import type { Bill } from "#/api/schema";
import { csv } from "#/lib/csv";
import { NANOS } from "#/lib/money";

/** A bill as CSV, with exact amounts: an entry of a line for each row, then what is on no line. The costs add up to the total. */
export function billCsv(bill: Bill): string {
  const amount = (nanos: number) => nanos / NANOS;
  const noLine = ["", "", "", "", "", "", "", "", ""];
  return csv(
    [
      "category",
      "origin_file",
      "origin_line",
      "origin_level",
      "file",
      "line",
      "function",
      "operation",
      "library",
      "text",
      "thread_seconds",
      "native_seconds",
      "cpu_seconds",
      `cost_${bill.currency}`,
    ],
    [
      ...bill.lines.map((line) => [
        "line",
        line.origin_file,
        line.origin_line,
        line.origin_level,
        line.file,
        line.line,
        line.function,
        line.operation,
        line.library,
        line.text,
        line.thread_seconds,
        line.native_seconds,
        line.cpu_seconds,
        amount(line.cost_nanos),
      ]),
      ...bill.categories.map((category) => [
        category.name,
        ...noLine,
        category.thread_seconds,
        "",
        "",
        amount(category.cost_nanos),
      ]),
      ["unknown", ...noLine, "", "", "", amount(bill.unknown_nanos)],
    ],
  );
}
