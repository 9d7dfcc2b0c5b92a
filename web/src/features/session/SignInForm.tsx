import { type FormEvent, useState } from "react";
import { codeFrom } from "#/features/session/code";
import { Button } from "#/ui/controls";
import { ErrorNote } from "#/ui/states";

interface SignInFormProps {
  pending: boolean;
  failure: string | undefined;
  onCode: (code: string) => void;
}

/** Signing in for those who came without a link. */
export function SignInForm({ pending, failure, onCode }: SignInFormProps) {
  const [text, setText] = useState("");
  const [unreadable, setUnreadable] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const code = codeFrom(text);
    setUnreadable(code === undefined);
    if (code !== undefined) onCode(code);
  };
  const message = unreadable
    ? "That is neither a sign-in link nor its code. A code has letters, digits, “-” and “_” only."
    : failure;
  return (
    <form className="state" style={{ gap: 12, justifyItems: "stretch" }} onSubmit={submit}>
      <p className="mute">
        The server printed a sign-in link when it first started, in the terminal it runs in. Each link works once. For a
        new one, run this where the server runs:
      </p>
      <pre className="code mono">lineitem server sign-in-link</pre>
      <label className="above">
        Sign-in link or its code
        <input
          className="field mono"
          name="code"
          value={text}
          autoComplete="off"
          spellCheck={false}
          required
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {message !== undefined && <ErrorNote title="You are not signed in." message={message} />}
      <div className="acts">
        <Button type="submit" look="primary" disabled={pending}>
          {pending ? "Signing in…" : "Sign in"}
        </Button>
      </div>
    </form>
  );
}
