import type { SqlAnswer, SqlValue } from "#/api/queries/sql";
import { csv } from "#/lib/csv";

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UINTEGER|FLOAT|DOUBLE|DECIMAL)\b/;

/** Whether a column of such a type stands at the right. */
export function isNumeric(type: string): boolean {
  return NUMBERS.test(type) && !type.endsWith("]");
}

/** A value as text, as it is: what is nested as JSON. */
export function valueText(value: SqlValue): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The rows as CSV: numbers as they are, nothing for NULL. */
export function answerCsv(answer: SqlAnswer): string {
  return csv(
    answer.columns.map((column) => column.name),
    answer.rows.map((row) => row.map((value) => (typeof value === "number" ? value : valueText(value)))),
  );
}

/** Whether an answer is a plan, which is a drawing and not a table. */
export function planOf(answer: SqlAnswer): string | undefined {
  if (answer.columns[0]?.name !== "explain_key") return undefined;
  return answer.rows.map((row) => valueText(row[1] ?? null)).join("\n");
}
