import { Link } from "@tanstack/react-router";
import type { Read, ReadList } from "#/api/schema";
import { columnWords, engineWords, formatWords, hint, pushWords } from "#/features/reads/reads";
import { shortPath } from "#/lib/files";
import { bytes, count } from "#/lib/format";
import { rounded } from "#/lib/money";
import { Card } from "#/ui/Card";

interface ReadsCardProps {
  list: ReadList;
  names: Map<string, string>;
  /** Those of the bill, so that amounts can be compared. */
  decimals: number;
  /** Whether the cluster is looked at from outside, where graphs cannot be seen. */
  sampled: boolean;
}

/** What was read and written: which files, how much of them was used, and what that cost. */
export function ReadsCard({ list, names, decimals, sampled }: ReadsCardProps) {
  const amount = (nanos: number) => rounded(nanos, list.currency, decimals);
  const place = (read: Read) => `${names.get(read.origin_file) ?? read.origin_file}:${read.origin_line}`;
  return (
    <Card
      id="reads"
      title="Reads and writes"
      aside={list.items.length > 0 ? "the cost is that of reading or writing at the line" : undefined}
    >
      {list.items.length === 0 ? (
        <p className="mute">
          {sampled
            ? "Which files are read and written cannot be seen from outside."
            : "No file has been read or written, as far as the graphs say."}
        </p>
      ) : (
        <div className="scroll">
          <table className="reads">
            <caption className="vh">Files read and written, dearest first</caption>
            <thead>
              <tr>
                <th scope="col">Files</th>
                <th scope="col" className="wide">
                  Format
                </th>
                <th scope="col" className="n wide">
                  Size
                </th>
                <th scope="col" className="n wide">
                  Columns used
                </th>
                <th scope="col" className="n">
                  Cost
                </th>
              </tr>
            </thead>
            <tbody>
              {list.items.map((read) => {
                const advice = hint(read, place(read));
                return (
                  <tr key={`${read.direction} ${read.path} ${place(read)} ${read.format}`}>
                    <td className="text">
                      <span className="snip path" title={read.path}>
                        <i
                          className={`sw ${read.direction}`}
                          role="img"
                          aria-label={read.direction === "read" ? "Read" : "Written"}
                        />
                        {shortPath(read.path) || "path not known"}
                      </span>
                      <span className="mute small inner">
                        {read.direction === "read" ? "read at " : "written at "}
                        {read.origin_file ? (
                          <Link
                            className="loc"
                            from="/clusters/$clusterId"
                            to="."
                            search={(old) => ({ ...old, file: read.origin_file, line: read.origin_line })}
                            hash="source"
                            title={read.origin_text}
                          >
                            {place(read)}
                          </Link>
                        ) : (
                          "no known line"
                        )}
                        {read.files > 0 && `, ${count(read.files, "file")}`}
                        {read.tasks > 0 && `, ${count(read.tasks, "task")}`}
                        <span className="narrow">
                          , {[formatWords(read), engineWords(read)].filter(Boolean).join(", ")}
                        </span>
                      </span>
                      {advice && <span className="note small advice">{advice}</span>}
                    </td>
                    <td className="wide">
                      {formatWords(read)}
                      {engineWords(read) && <span className="mute small native">{engineWords(read)}</span>}
                    </td>
                    <td className="n wide">{read.bytes > 0 ? bytes(read.bytes) : "–"}</td>
                    <td className="n wide">
                      {columnWords(read)}
                      {pushWords(read) && <span className="mute small native">{pushWords(read)}</span>}
                    </td>
                    <td className="n strong">{amount(read.cost_nanos)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
