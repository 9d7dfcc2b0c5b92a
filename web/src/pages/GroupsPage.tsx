import { getRouteApi } from "@tanstack/react-router";
import { useGroups } from "#/api/queries/groups";
import { useMe } from "#/api/queries/session";
import { GroupForm } from "#/features/groups/GroupForm";
import { GroupTable } from "#/features/groups/GroupTable";
import { MembersCard } from "#/features/groups/MembersCard";
import { inOrder, maySee } from "#/features/groups/tree";
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
  const shown = chosen && maySee(chosen, groups, me.data) ? chosen : undefined;
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
        <div className="cols">
          <Card title={admin ? "All groups" : "Your groups"} className={shown ? "w7" : "w12"}>
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
          {shown && (
            // Beside a long tree it stays in sight; below one it is brought there.
            <div key={shown.id} ref={intoSight} className="w5 beside">
              <MembersCard group={shown} groups={groups} admin={admin} />
            </div>
          )}
        </div>
        {admin && (
          <div className="cols">
            <GroupForm groups={groups} />
            <UserForm />
          </div>
        )}
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}

function intoSight(element: HTMLElement | null) {
  element?.scrollIntoView?.({ block: "nearest" });
}
