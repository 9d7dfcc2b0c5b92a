import { getRouteApi } from "@tanstack/react-router";
import { useGroups } from "#/api/queries/groups";
import { useMe } from "#/api/queries/session";
import type { Group, Me } from "#/api/schema";
import { GroupForm } from "#/features/groups/GroupForm";
import { GroupTable } from "#/features/groups/GroupTable";
import { MembersCard } from "#/features/groups/MembersCard";
import { inOrder } from "#/features/groups/tree";
import { UserForm } from "#/features/groups/UserForm";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { Card } from "#/ui/Card";
import { Empty, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/groups");

/** Who pays, and who sees what they pay for: the tree of groups, and the members of one. */
export function GroupsPage() {
  const { group: wanted } = route.useSearch();
  const answer = useGroups();
  const me = useMe();
  const groups = inOrder(answer.data?.items ?? []);
  const admin = me.data?.user.role === "admin";
  const chosen = groups.find(({ id }) => id === wanted);
  return (
    <>
      <title>Groups · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>Groups</h1>
          <p className="sub">
            A group pays for its members’ clusters; who leads one sees what it and those below pay for
          </p>
        </div>
      </div>
      <div className="content">
        <Card title={admin ? "All groups" : "Your groups"}>
          {answer.isPending && <SkeletonRows what="groups" />}
          {answer.isError && <Failure error={answer.error} what="The groups" onRetry={() => answer.refetch()} />}
          {answer.data &&
            (groups.length > 0 ? (
              <GroupTable groups={groups} chosen={chosen?.id} />
            ) : (
              <Empty title={admin ? "There is no group yet." : "You are in no group."}>
                <p className="mute">
                  {admin
                    ? "Make one below. Until then nobody pays: clusters are booked on their owners alone."
                    : "An admin can put you into one."}
                </p>
              </Empty>
            ))}
        </Card>
        {chosen && maySee(chosen, groups, me.data) && (
          <MembersCard key={chosen.id} group={chosen} groups={groups} admin={admin} />
        )}
        {admin && (
          <>
            <GroupForm groups={groups} />
            <UserForm />
          </>
        )}
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}

/** Whether the reader may see who is in a group: admins, and who leads it or one above. */
function maySee(group: Group, groups: readonly Group[], me: Me | undefined): boolean {
  if (me?.user.role === "admin") return true;
  return groups.some(({ path, role }) => role === "lead" && (group.path === path || group.path.startsWith(`${path}/`)));
}
