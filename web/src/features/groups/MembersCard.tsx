import { type FormEvent, useState } from "react";
import { useMembers, usePutMember, useRemoveMember, useUsers } from "#/api/queries/groups";
import type { Group, Member } from "#/api/schema";
import { ChangeDialog } from "#/features/groups/ChangeDialog";
import { Failure, words } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { Empty, ErrorNote, SkeletonRows } from "#/ui/states";

interface MembersCardProps {
  group: Group;
  groups: readonly Group[];
  /** Whether the reader may change anything. */
  admin: boolean;
}

/** Who is in a group; admins add and remove people, and rename, move or delete the group. */
export function MembersCard({ group, groups, admin }: MembersCardProps) {
  const members = useMembers(group.id);
  const [changing, setChanging] = useState(false);
  const put = usePutMember(group.id);
  const remove = useRemoveMember(group.id);
  const failed = [put, remove].find((each) => each.isError);
  return (
    <Card
      title={group.path}
      aside={
        admin && (
          <Button small onClick={() => setChanging(true)}>
            Rename, move or delete…
          </Button>
        )
      }
    >
      {members.isPending && <SkeletonRows what="members" rows={2} />}
      {members.isError && <Failure error={members.error} what="The members" onRetry={() => members.refetch()} />}
      {members.data &&
        (members.data.items.length > 0 ? (
          <div className="scroll">
            <table>
              <caption className="vh">Members of {group.path}</caption>
              <thead>
                <tr>
                  <th scope="col">User</th>
                  <th scope="col">Role</th>
                  <th scope="col">Pays by default</th>
                  {admin && (
                    <th scope="col" className="n">
                      <span className="vh">Remove</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {members.data.items.map((member) => (
                  <MemberRow
                    key={member.user.id}
                    member={member}
                    admin={admin}
                    busy={put.isPending || remove.isPending}
                    onRole={(role) => put.mutate({ user: member.user.id, role })}
                    onPays={() => put.mutate({ user: member.user.id, role: member.role, pays: true })}
                    onRemove={() => remove.mutate(member.user.id)}
                  />
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <Empty title="Nobody is in this group." />
        ))}
      {failed?.error && (
        <ErrorNote title="Nothing was changed." message={words(failed.error).message} code={words(failed.error).code} />
      )}
      {admin && members.data && <AddForm group={group} members={members.data.items} />}
      {changing && <ChangeDialog group={group} groups={groups} onClose={() => setChanging(false)} />}
    </Card>
  );
}

function MemberRow(props: {
  member: Member;
  admin: boolean;
  busy: boolean;
  onRole: (role: Member["role"]) => void;
  onPays: () => void;
  onRemove: () => void;
}) {
  const { member, admin, busy } = props;
  return (
    <tr>
      <td className="strong">{member.user.name}</td>
      <td>
        {admin ? (
          <select
            className="field"
            aria-label={`Role of ${member.user.name}`}
            value={member.role}
            disabled={busy}
            onChange={(event) => props.onRole(event.target.value === "lead" ? "lead" : "member")}
          >
            <option value="member">member</option>
            <option value="lead">lead</option>
          </select>
        ) : (
          member.role
        )}
      </td>
      <td>
        {member.pays && "yes"}
        {!member.pays && !admin && "–"}
        {!member.pays && admin && (
          <Button
            small
            disabled={busy}
            onClick={props.onPays}
            aria-label={`Let it pay for ${member.user.name} by default`}
          >
            Let it pay
          </Button>
        )}
      </td>
      {admin && (
        <td className="n">
          <Button
            small
            look="danger"
            disabled={busy}
            onClick={props.onRemove}
            aria-label={`Remove ${member.user.name}`}
          >
            Remove
          </Button>
        </td>
      )}
    </tr>
  );
}

/** Puts a user into the group. */
function AddForm({ group, members }: { group: Group; members: readonly Member[] }) {
  const users = useUsers(true);
  const [user, setUser] = useState("");
  const [role, setRole] = useState<Member["role"]>("member");
  const add = usePutMember(group.id);
  const outside = users.data?.items.filter(({ id }) => members.every((member) => member.user.id !== id)) ?? [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ user, role }, { onSuccess: () => setUser("") });
  };
  return (
    <>
      <form className="fields" style={{ marginTop: 12 }} onSubmit={submit}>
        <label className="above">
          Add
          <select className="field" value={user} required onChange={(event) => setUser(event.target.value)}>
            <option value="">a user…</option>
            {outside.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="above">
          As
          <select
            className="field"
            value={role}
            onChange={(event) => setRole(event.target.value === "lead" ? "lead" : "member")}
          >
            <option value="member">member: it may pay for them</option>
            <option value="lead">lead: they also see what it pays for</option>
          </select>
        </label>
        <Button type="submit" disabled={add.isPending || user === ""}>
          {add.isPending ? "Adding…" : "Add to the group"}
        </Button>
      </form>
      {add.isError && (
        <ErrorNote title="Nobody was added." message={words(add.error).message} code={words(add.error).code} />
      )}
    </>
  );
}
