import { type FormEvent, useState } from "react";
import { useCreateUser } from "#/api/queries/groups";
import type { NewUser } from "#/api/schema";
import { words } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Button, CopyButton } from "#/ui/controls";
import { ErrorNote } from "#/ui/states";

/** Makes a user and shows the link with which they sign in, once. */
export function UserForm() {
  const [name, setName] = useState("");
  const [made, setMade] = useState<NewUser>();
  const create = useCreateUser();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim() },
      {
        onSuccess: (user) => {
          setMade(user);
          setName("");
        },
      },
    );
  };
  return (
    <Card title="New user" className="w6">
      <form className="fields" onSubmit={submit}>
        <label className="above">
          User name
          <input
            className="field"
            value={name}
            maxLength={100}
            required
            placeholder="ana"
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <Button type="submit" disabled={create.isPending || name.trim() === ""}>
          {create.isPending ? "Creating…" : "Create user"}
        </Button>
      </form>
      {create.isError && (
        <div style={{ marginTop: 12 }}>
          <ErrorNote title="No user was made." message={words(create.error).message} code={words(create.error).code} />
        </div>
      )}
      {made && (
        <div className="state" role="status" style={{ marginTop: 12 }}>
          <p className="note good">
            <span className="strong">“{made.user.name}” is made.</span> Give them this link: it signs in once, within a
            day.
          </p>
          <pre className="code mono">{made.sign_in_url}</pre>
          <CopyButton text={made.sign_in_url} label="Copy link" primary />
        </div>
      )}
    </Card>
  );
}
