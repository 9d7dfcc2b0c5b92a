import { type FormEvent, useState } from "react";
import { useCreateToken } from "#/api/queries/tokens";
import type { Token } from "#/api/schema";
import { words } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Button, CopyButton } from "#/ui/controls";
import { ErrorNote } from "#/ui/states";

const DAY_S = 86_400;
const TERMS = [
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "a year"],
  ["0", "no end"],
] as const;

/** Makes a token and shows its secret, once. */
export function TokenForm() {
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<Token>();
  const create = useCreateToken();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), expires_in_seconds: Number(days) * DAY_S },
      {
        onSuccess: (token) => {
          setMade(token);
          setName("");
        },
      },
    );
  };
  return (
    <Card title="New token">
      <form className="fields" onSubmit={submit}>
        <label className="above">
          What it is for
          <input
            className="field"
            value={name}
            maxLength={100}
            required
            placeholder="laptop"
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <label className="above">
          Valid for
          <select className="field" value={days} onChange={(event) => setDays(event.target.value)}>
            {TERMS.map(([value, term]) => (
              <option key={value} value={value}>
                {term}
              </option>
            ))}
          </select>
        </label>
        <Button type="submit" look="primary" disabled={create.isPending || name.trim() === ""}>
          {create.isPending ? "Creating…" : "Create token"}
        </Button>
      </form>
      {create.isError && (
        <div style={{ marginTop: 12 }}>
          <ErrorNote title="No token was made." message={words(create.error).message} code={words(create.error).code} />
        </div>
      )}
      {made?.secret && <Secret token={made} secret={made.secret} />}
    </Card>
  );
}

function Secret({ token, secret }: { token: Token; secret: string }) {
  return (
    <div className="state" role="status" style={{ marginTop: 12 }}>
      <p className="note good">
        <span className="strong">“{token.name}” is made.</span> Copy it now: it is not shown again, and nobody can look
        it up.
      </p>
      <pre className="code mono">{secret}</pre>
      <CopyButton text={secret} label="Copy token" primary />
    </div>
  );
}
