import type { Row } from "#/features/bill/view";
import { KIND_WORDS } from "#/lib/work";

/** A row's cost as a bar beside the dearest row's, in the colours of its kinds of work. */
export function WorkBar({ row, dearest }: { row: Row; dearest: number }) {
  if (row.nanos <= 0 || dearest <= 0) return null;
  const words = row.kinds.map(({ kind, nanos }) => `${KIND_WORDS[kind]} ${Math.round((100 * nanos) / row.nanos)} %`);
  return (
    <span className="workbar" role="img" aria-label={words.join(", ")} title={words.join(", ")}>
      <span style={{ width: `${Math.max(2, (100 * row.nanos) / dearest)}%` }}>
        {row.kinds.map(({ kind, nanos }) => (
          <i key={kind} className={kind} style={{ flexGrow: nanos, flexBasis: 0 }} />
        ))}
      </span>
    </span>
  );
}
