import type { SQLTable } from "#/api/schema";

/** The tables with their columns and what they mean; a click writes a name where the cursor is. */
export function SqlTables({ tables, onName }: { tables: readonly SQLTable[]; onName: (name: string) => void }) {
  return (
    <ul className="sqltables">
      {tables.map((table) => (
        <li key={table.name}>
          <details>
            <summary>
              <span className="mono strong">{table.name}</span>
              <span className="mute small">{table.about}</span>
            </summary>
            <ul>
              {table.columns.map((column) => (
                <li key={column.name}>
                  <button type="button" className="plain mono" onClick={() => onName(column.name)}>
                    {column.name}
                  </button>
                  <span className="mute small">
                    {column.type.toLowerCase()} · {column.about}
                  </span>
                </li>
              ))}
            </ul>
          </details>
        </li>
      ))}
    </ul>
  );
}
