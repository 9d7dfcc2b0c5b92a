import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useBreakdown } from "#/api/queries/costs";
import type { CostQuery } from "#/api/queries/keys";
import type { CostBreakdown } from "#/api/schema";
import { viewOf } from "#/features/explore/rows";
import { type Filter, filterText, writeFilters } from "#/features/explore/search";
import { valueWords } from "#/features/explore/words";
import { Part } from "#/features/shell/Part";
import { count, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import type { PeriodSearch } from "#/lib/period";
import { Card } from "#/ui/Card";

interface SpendersCardProps {
  place: { file: string; line: number };
  name: string;
  filters: readonly Filter[];
  query: CostQuery;
  period: PeriodSearch;
  /** In which amounts of the page are shown. */
  decimals: number;
}

/** Spenders that are named; the explorer has all. */
const FIRST = 8;

/** Who paid for a line of code, of all that ran it in the period. */
export function SpendersCard({ place, name, filters, query, period, decimals }: SpendersCardProps) {
  const line: Filter = { dimension: "line", values: [`${place.file}:${place.line}`] };
  const where = [...filters.filter(({ dimension }) => dimension !== "line" && dimension !== "file"), line];
  const users = useBreakdown({ ...query, by: ["user", "name"], where: where.map(filterText), limit: FIRST });
  return (
    <Part query={users} title={name} what="Who paid for the line">
      {(data) => (
        <Card
          title={name}
          aside="who paid for it"
          actions={
            <Link
              className="btn small"
              to="/explore"
              search={{ ...period, by: "user,name", where: writeFilters(where) }}
            >
              Explore this line
            </Link>
          }
        >
          <Spenders answer={data} decimals={decimals} />
        </Card>
      )}
    </Part>
  );
}

function Spenders({ answer, decimals }: { answer: CostBreakdown; decimals: number }) {
  const view = useMemo(() => viewOf(answer, decimals), [answer, decimals]);
  if (view.rows.length === 0) return <p className="mute">It cost nothing in this period.</p>;
  return (
    <table className="kinds">
      <caption className="vh">Cost of the line by user and cluster, dearest first</caption>
      <thead>
        <tr>
          <th scope="col">User</th>
          <th scope="col">Cluster</th>
          <th scope="col" className="n">
            Share
          </th>
          <th scope="col" className="n">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        {view.rows.map((row) => (
          <tr key={row.keys.join("\n")}>
            <td>{valueWords("user", row.keys[0] ?? "", view.names)}</td>
            <td>{valueWords("name", row.keys[1] ?? "", view.names)}</td>
            <td className="n mute">{percent(row.share)}</td>
            <td className="n">{fitted(row.shown, row.nanos, view.currency, view.decimals)}</td>
          </tr>
        ))}
        {view.rest && (
          <tr className="mute">
            <td colSpan={2}>and {count(view.rest.rows, "more")}</td>
            <td className="n">{percent(view.rest.share)}</td>
            <td className="n">{fitted(view.rest.shown, view.rest.nanos, view.currency, view.decimals)}</td>
          </tr>
        )}
      </tbody>
      <tfoot>
        <tr>
          <td colSpan={2}>This line</td>
          <td />
          <td className="n">{money(view.total.shown, view.currency, view.decimals)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
