import { useState } from "react";
import type { Branch } from "#/features/flame/branch";
import { percent } from "#/lib/format";

interface FlameTableProps {
  root: Branch;
  amount: (branch: Branch) => string;
}

/** The same tree in words and figures, opened row by row. */
export function FlameTable({ root, amount }: FlameTableProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set([root.id]));
  const toggle = (id: string) =>
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const rows: { branch: Branch; depth: number }[] = [];
  const collect = (branch: Branch, depth: number) => {
    rows.push({ branch, depth });
    if (open.has(branch.id)) for (const child of branch.children) collect(child, depth + 1);
  };
  collect(root, 0);
  return (
    <div className="scroll">
      <table>
        <caption className="vh">Where the money went: file, function, line, operation</caption>
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col" className="n">
              Share
            </th>
            <th scope="col" className="n">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ branch, depth }) => (
            <tr key={branch.id}>
              <td>
                <span className="twig" style={{ paddingLeft: depth * 18 }}>
                  {branch.children.length > 0 ? (
                    <button
                      type="button"
                      className="twist"
                      aria-expanded={open.has(branch.id)}
                      aria-label={`What is inside ${branch.names[0]}`}
                      onClick={() => toggle(branch.id)}
                    >
                      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
                        <path d="M3 1l4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.5" />
                      </svg>
                    </button>
                  ) : (
                    <span className="twist" />
                  )}
                  {branch.names[0]}
                </span>
              </td>
              <td className="n mute">{percent(root.nanos > 0 ? branch.nanos / root.nanos : undefined)}</td>
              <td className="n">{amount(branch)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
