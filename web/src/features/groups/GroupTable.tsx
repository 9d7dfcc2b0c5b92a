import { Link } from "@tanstack/react-router";
import type { Group } from "#/api/schema";
import { depth } from "#/features/groups/tree";

const INDENT_PX = 18;

/** The tree of groups as rows; the name opens who is in it. */
export function GroupTable({ groups, chosen }: { groups: readonly Group[]; chosen: string | undefined }) {
  return (
    <div className="scroll">
      <table>
        <caption className="vh">Groups</caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col" className="wide">
              Path
            </th>
            <th scope="col" className="n">
              Members
            </th>
            <th scope="col">You</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.id} aria-current={group.id === chosen ? "true" : undefined}>
              <td style={{ paddingLeft: INDENT_PX * depth(group, groups) }}>
                <Link className="cover" to="/groups" search={{ group: group.id }} replace resetScroll={false}>
                  {group.name}
                </Link>
              </td>
              <td className="wide mute">{group.path}</td>
              <td className="n">{group.n_members}</td>
              <td>{you(group)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function you(group: Group): string {
  if (group.role === "") return "–";
  return group.pays ? `${group.role}, it pays for you` : group.role;
}
