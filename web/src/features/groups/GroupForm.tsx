import { type FormEvent, useState } from "react";
import { useCreateGroup } from "#/api/queries/groups";
import type { Group } from "#/api/schema";
import { words } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { ErrorNote } from "#/ui/states";

/** Makes a group, at the top or below another. */
export function GroupForm({ groups }: { groups: readonly Group[] }) {
  const [name, setName] = useState("");
  const [parent, setParent] = useState("");
  const create = useCreateGroup();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim(), parent }, { onSuccess: () => setName("") });
  };
  return (
    <Card title="New group" className="w6">
      <form className="fields" onSubmit={submit}>
        <NameField value={name} onChange={setName} />
        <PlaceField value={parent} groups={groups} onChange={setParent} />
        <Button type="submit" look="primary" disabled={create.isPending || name.trim() === ""}>
          {create.isPending ? "Creating…" : "Create group"}
        </Button>
      </form>
      {create.isError && (
        <div style={{ marginTop: 12 }}>
          <ErrorNote title="No group was made." message={words(create.error).message} code={words(create.error).code} />
        </div>
      )}
    </Card>
  );
}

export function NameField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <label className="above">
      Name
      <input
        className="field"
        value={value}
        maxLength={60}
        required
        placeholder="genomics"
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

export function PlaceField(props: { value: string; groups: readonly Group[]; onChange: (value: string) => void }) {
  return (
    <label className="above">
      Below
      <select className="field" value={props.value} onChange={(event) => props.onChange(event.target.value)}>
        <option value="">nothing: at the top</option>
        {props.groups.map((group) => (
          <option key={group.id} value={group.id}>
            {group.path}
          </option>
        ))}
      </select>
    </label>
  );
}
