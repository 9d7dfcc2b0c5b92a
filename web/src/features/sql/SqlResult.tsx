import { useState } from "react";
import type { SqlAnswer, SqlValue } from "#/api/queries/sql";
import { isNumeric, planOf, valueText } from "#/features/sql/values";
import { count } from "#/lib/format";
import { Button } from "#/ui/controls";
import { Empty } from "#/ui/states";

/** Rows shown at first, and with each further step. */
const STEP = 200;

/** What a statement answered. */
export function SqlResult({ answer }: { answer: SqlAnswer }) {
  const [rows, setRows] = useState(STEP);
  const plan = planOf(answer);
  if (plan !== undefined) {
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      <section className="scroll grid" tabIndex={0} aria-label="Plan of the statement">
        <pre className="plan">{plan}</pre>
      </section>
    );
  }
  if (answer.rows.length === 0) {
    return (
      <Empty title="No rows.">
        <p className="mute">The statement ran; nothing matches it.</p>
      </Empty>
    );
  }
  const shown = answer.rows.slice(0, rows);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section className="scroll grid" tabIndex={0} aria-label="Rows">
        <table className="sqlrows">
          <caption className="vh">Answer</caption>
          <thead>
            <tr>
              {answer.columns.map((column, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns may share a name; their place tells them apart.
                <th scope="col" key={at} className={isNumeric(column.type) ? "n" : undefined}>
                  {column.name}
                  <span className="mute small">{column.type.toLowerCase()}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, line) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place.
              <tr key={line}>
                {row.map((value, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: nor have values.
                  <td key={at} className={isNumeric(answer.columns[at]?.type ?? "") ? "n" : undefined}>
                    <Value value={value} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {shown.length < answer.rows.length && (
        <p className="after">
          <Button small onClick={() => setRows(rows + 5 * STEP)}>
            Show {count(Math.min(answer.rows.length - shown.length, 5 * STEP), "more row")}
          </Button>
        </p>
      )}
    </>
  );
}

function Value({ value }: { value: SqlValue }) {
  if (value === null) return <span className="mute">NULL</span>;
  return <>{valueText(value)}</>;
}
