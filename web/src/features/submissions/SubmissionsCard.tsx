import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Submission, SubmissionList } from "#/api/schema";
import type { SubmissionColumn } from "#/features/submissions/columns";
import { matchingSubmissions, orderedSubmissions, submissionRows, tagsOf } from "#/features/submissions/list";
import { count } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { FilterField } from "#/ui/FilterField";
import { type Order, SortHeader } from "#/ui/SortHeader";
import { Empty } from "#/ui/states";

/** Rows shown before the rest is asked for. */
const FIRST_ROWS = 10;

interface SubmissionsCardProps {
  list: SubmissionList;
  names: Map<string, string>;
  /** Those of the bill, so that amounts can be compared. */
  decimals: number;
  filter: string;
  order: Order<SubmissionColumn>;
  clock: Clock;
  /** Whether the cluster is looked at from outside, where submissions cannot be seen. */
  sampled: boolean;
  onFilter: (filter: string) => void;
  onOrder: (order: Order<SubmissionColumn>) => void;
}

/** Who asked for what, when, and what it cost. */
export function SubmissionsCard(props: SubmissionsCardProps) {
  const { list, names, decimals, filter, order, clock, sampled, onFilter, onOrder } = props;
  const [all, setAll] = useState(false);
  const rows = useMemo(() => submissionRows(list.items, decimals), [list.items, decimals]);
  const found = orderedSubmissions(matchingSubmissions(rows, filter), order);
  const shown = all ? found : found.slice(0, FIRST_ROWS);
  const rest = found.slice(shown.length);
  const amount = (nanos: number) => money(nanos, list.currency, decimals);
  const total = found.reduce((sum, row) => sum + row.shown, 0);
  const header = { order, onOrder };
  return (
    <Card
      id="submissions"
      title="Submissions"
      aside="names and tags are self-declared"
      actions={
        list.items.length > 0 && (
          <FilterField
            placeholder="user, tag, line, commit"
            label="Find a submission"
            value={filter}
            onChange={onFilter}
          />
        )
      }
    >
      {list.items.length === 0 && (
        <p className="mute">
          {sampled ? "Who asked for what cannot be seen from outside." : "Nothing has been submitted yet."}
        </p>
      )}
      {list.items.length > 0 && found.length === 0 && (
        <Empty title={`No submission matches “${filter}”.`}>
          <Button small onClick={() => onFilter("")}>
            Clear the filter
          </Button>
        </Empty>
      )}
      {found.length > 0 && (
        <div className="scroll">
          <table className="subs">
            <caption className="vh">Submissions</caption>
            <thead>
              <tr>
                <SortHeader {...header} column="at" words="When" first="down" />
                <th scope="col">Line that asked</th>
                <th scope="col" className="wide">
                  Who
                </th>
                <SortHeader {...header} column="tasks" words="Tasks" first="down" number className="wide" />
                <SortHeader {...header} column="cost" words="Cost" first="down" number />
              </tr>
            </thead>
            <tbody>
              {shown.map(({ submission, shown: cost }) => (
                <tr key={submission.id}>
                  <td className="t nw">{moment(submission.at, clock, true)}</td>
                  <td className="text">
                    <Asked submission={submission} names={names} />
                    <span className="narrow">
                      <Who submission={submission} />
                    </span>
                    <Marks submission={submission} onFilter={onFilter} />
                  </td>
                  <td className="wide nw">
                    <Who submission={submission} />
                  </td>
                  <td className="n wide">{submission.tasks.toLocaleString("en-US")}</td>
                  <td className="n strong">{fitted(cost, submission.cost_nanos, list.currency, decimals)}</td>
                </tr>
              ))}
              {rest.length > 0 && (
                <tr className="mute">
                  <td colSpan={2}>
                    {count(rest.length, "more submission")}{" "}
                    <Button small onClick={() => setAll(true)}>
                      Show all
                    </Button>
                  </td>
                  <td className="wide" />
                  <td className="n wide">{sum(rest.map((row) => row.submission.tasks)).toLocaleString("en-US")}</td>
                  <td className="n">{amount(sum(rest.map((row) => row.shown)))}</td>
                </tr>
              )}
              <tr className="total">
                <td colSpan={2}>
                  {count(found.length, "submission")}
                  {found.length < rows.length && ` of ${rows.length.toLocaleString("en-US")}`}
                </td>
                <td className="wide" />
                <td className="n wide">{sum(found.map((row) => row.submission.tasks)).toLocaleString("en-US")}</td>
                <td className="n">{amount(total)}</td>
              </tr>
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Asked({ submission, names }: { submission: Submission; names: Map<string, string> }) {
  const { file, line, text } = submission;
  if (!file) return <span className="mute">The client did not say</span>;
  return (
    <Link from="/clusters/$clusterId" to="." search={(old) => ({ ...old, file, line })} hash="source" className="asked">
      <span className="snip" title={text}>
        {text || submission.function || "no text"}
      </span>
      <span className="loc mute">
        {names.get(file) ?? file}:{line}
      </span>
    </Link>
  );
}

/** Self-declared tags and spans; pressing one shows all that bear it. */
function Marks({ submission, onFilter }: { submission: Submission; onFilter: (filter: string) => void }) {
  const marks = [...tagsOf(submission), ...submission.span];
  if (marks.length === 0) return null;
  return (
    <span className="marks">
      {marks.map((mark) => (
        <button
          key={mark}
          type="button"
          className="tag"
          title={`Self-declared. Show all with ${mark}`}
          onClick={() => onFilter(mark)}
        >
          {mark}
        </button>
      ))}
    </span>
  );
}

function Who({ submission }: { submission: Submission }) {
  const { user, host, kind, path, commit, dirty } = submission;
  const name = path.split(/[\\/]/).at(-1);
  const where = [
    name || (kind ? `a ${kind}` : ""),
    commit && `${commit.slice(0, 7)}${dirty ? ", changed since" : ""}`,
    host && `on ${host}`,
  ].filter(Boolean);
  return (
    <>
      {user || <span className="mute">not said</span>}
      {where.length > 0 && (
        <span className="mute small who" title={[kind, path, commit].filter(Boolean).join(" ")}>
          {where.join(", ")}
        </span>
      )}
    </>
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
