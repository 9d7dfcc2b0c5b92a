import type { Bill } from "#/api/schema";
import { spread } from "#/lib/money";
import { categoryWords, type RestLook } from "#/lib/work";

/** What may be loaded onto lines. Work on no line, lost reports and unknown may be anyone's: they stay rows of their own. */
const LOADED: readonly RestLook[] = ["idle", "over", "lost"];

/** The rule, as it stands beside the switch. */
export const RULE =
  "Idle, overhead and lost workers are spread over the lines in proportion to what each cost; work on no line, lost reports and unknown stay apart.";

/** A bill whose lines carry what did no work, in proportion to their cost, to the billionth; its total is the same. */
export function loadedBill(bill: Bill): Bill {
  const weights = bill.lines.map((line) => line.cost_nanos);
  // Without a line that cost anything there is nobody to carry it.
  if (!weights.some((weight) => weight > 0)) return bill;
  const carried = bill.categories.filter((category) => LOADED.includes(categoryWords(category.name).look));
  const amounts = spread(
    carried.reduce((sum, category) => sum + category.cost_nanos, 0),
    weights,
  );
  return {
    ...bill,
    lines: bill.lines.map((line, index) => ({ ...line, cost_nanos: line.cost_nanos + (amounts[index] ?? 0) })),
    categories: bill.categories.filter((category) => !carried.includes(category)),
  };
}
