import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { PackageList } from "#/api/schema";
import type { PackageColumn } from "#/features/packages/columns";
import { GRADE_WORDS, keyOfUse, orderedUses } from "#/features/packages/list";
import { count } from "#/lib/format";
import { decimalsFor, rounded } from "#/lib/money";
import { type Clock, moment } from "#/lib/time";
import { Button } from "#/ui/controls";
import { type Order, SortHeader } from "#/ui/SortHeader";

/** Rows shown before the rest is asked for. */
const FIRST_ROWS = 100;
const DIGITS = 3;

interface PackageTableProps {
  list: PackageList;
  order: Order<PackageColumn>;
  clock: Clock;
  onOrder: (order: Order<PackageColumn>) => void;
}

/** Who has which version of what, where, since when unused, and what it cost. */
export function PackageTable({ list, order, clock, onOrder }: PackageTableProps) {
  const [all, setAll] = useState(false);
  const uses = orderedUses(list.items, order);
  const shown = all ? uses : uses.slice(0, FIRST_ROWS);
  const decimals = decimalsFor(Math.max(0, ...uses.map((use) => use.cost_nanos)), DIGITS);
  const amount = (nanos: number) => rounded(nanos, list.currency, decimals);
  const header = { order, onOrder };
  return (
    <>
      <div className="scroll">
        <table className="pkgs">
          <caption className="vh">Packages</caption>
          <thead>
            <tr>
              <SortHeader {...header} column="name" words="Package" first="up" />
              <SortHeader {...header} column="version" words="Version" first="up" />
              <SortHeader {...header} column="grade" words="Grade" first="down" className="wide" />
              <SortHeader {...header} column="cluster" words="Cluster" first="up" className="wide" />
              <SortHeader {...header} column="owner" words="Owner" first="up" className="wide" />
              <th scope="col" className="wide">
                Where
              </th>
              <th scope="col" className="wide">
                Python
              </th>
              <SortHeader {...header} column="last" words="Last" first="down" number className="wide" />
              <SortHeader {...header} column="cost" words="Cost" first="down" number />
              <th scope="col" className="n wide">
                Cluster's cost
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((use) => (
              <tr key={keyOfUse(use)}>
                <td>
                  <span className="mono strong">{use.name}</span>
                  <span className="mute small narrow">
                    <br />
                    {GRADE_WORDS[use.grade]} in {use.cluster_name} of {use.owner}, {moment(use.last_at, clock)}
                  </span>
                </td>
                <td className="mono">{use.version}</td>
                <td className={use.grade === "installed" ? "mute nw wide" : "nw wide"}>{GRADE_WORDS[use.grade]}</td>
                <td className="wide">
                  <Link to="/clusters/$clusterId" params={{ clusterId: use.cluster_id }}>
                    {use.cluster_name}
                  </Link>
                </td>
                <td className="wide">{use.owner}</td>
                <td className="wide">{use.where.join(", ")}</td>
                <td className="wide nw">
                  {use.environment ? (
                    <Link to="/environments/$environmentId" params={{ environmentId: use.environment }}>
                      {use.python || "not known"}
                    </Link>
                  ) : (
                    use.python || "not known"
                  )}
                </td>
                <td className="n wide">{moment(use.last_at, clock)}</td>
                <td className="n strong">{use.grade === "seen" ? amount(use.cost_nanos) : "–"}</td>
                <td className="n wide mute">{amount(use.cluster_cost_nanos)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < uses.length && (
        <p className="after">
          <Button small onClick={() => setAll(true)}>
            Show {count(uses.length - shown.length, "more row")}
          </Button>
        </p>
      )}
    </>
  );
}
