import { type FormEvent, useState } from "react";
import { useChangeGroup, useDeleteGroup } from "#/api/queries/groups";
import type { Group } from "#/api/schema";
import { NameField, PlaceField } from "#/features/groups/GroupForm";
import { places } from "#/features/groups/tree";
import { words } from "#/features/shell/Failure";
import { Button } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";
import { ErrorNote } from "#/ui/states";

/** Renames, moves or deletes a group; says first what stays as it was. */
export function ChangeDialog(props: { group: Group; groups: readonly Group[]; onClose: () => void }) {
  const { group, groups, onClose } = props;
  const [name, setName] = useState(group.name);
  const [parent, setParent] = useState(group.parent_id);
  const change = useChangeGroup(group.id);
  const remove = useDeleteGroup(group.id);
  const busy = change.isPending || remove.isPending;
  const failed = [change, remove].find((each) => each.isError);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ name: name.trim(), parent }, { onSuccess: onClose });
  };
  return (
    <Dialog title={`Change ${group.path}`} onClose={onClose}>
      <form className="state" style={{ gap: 12, justifyItems: "stretch" }} onSubmit={submit}>
        <NameField value={name} onChange={setName} />
        <PlaceField value={parent} groups={places(group, groups)} onChange={setParent} />
        <p className="mute small">
          Groups below it move along. What was paid keeps the paths of then: reports of the past do not change.
        </p>
        {failed?.error && (
          <ErrorNote
            title="The group is as it was."
            message={words(failed.error).message}
            code={words(failed.error).code}
          />
        )}
        <footer>
          <Button look="danger" disabled={busy} onClick={() => remove.mutate(undefined, { onSuccess: onClose })}>
            {remove.isPending ? "Deleting…" : "Delete group"}
          </Button>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="primary" disabled={busy || name.trim() === ""}>
            {change.isPending ? "Changing…" : "Change group"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
