import { useState } from "react";
import { useRevokeToken } from "#/api/queries/tokens";
import type { Token } from "#/api/schema";
import { words } from "#/features/shell/Failure";
import { type Clock, moment } from "#/lib/time";
import { Button } from "#/ui/controls";
import { Dialog } from "#/ui/Dialog";
import { ErrorNote } from "#/ui/states";

/** The reader's tokens; revoking says what stops working. */
export function TokenTable({ tokens, clock }: { tokens: readonly Token[]; clock: Clock }) {
  const [asked, setAsked] = useState<Token>();
  return (
    <div className="scroll">
      <table>
        <caption className="vh">API tokens</caption>
        <thead>
          <tr>
            <th scope="col">Token</th>
            <th scope="col" className="n wide">
              Created
            </th>
            <th scope="col" className="n">
              Last used
            </th>
            <th scope="col" className="n wide">
              Ends
            </th>
            <th scope="col" className="n">
              <span className="vh">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((token) => (
            <tr key={token.id}>
              <td className="strong">{token.name}</td>
              <td className="n wide">{moment(token.created_at, clock)}</td>
              <td className="n">{token.last_used_at ? moment(token.last_used_at, clock) : "never"}</td>
              <td className="n wide">{token.expires_at ? moment(token.expires_at, clock) : "never"}</td>
              <td className="n">
                <Button small look="danger" onClick={() => setAsked(token)} aria-label={`Revoke ${token.name}`}>
                  Revoke…
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked && <RevokeDialog token={asked} onClose={() => setAsked(undefined)} />}
    </div>
  );
}

function RevokeDialog({ token, onClose }: { token: Token; onClose: () => void }) {
  const revoke = useRevokeToken();
  return (
    <Dialog title={`Revoke ${token.name}?`} onClose={onClose}>
      <p>What uses this token is refused from now on. Clusters that it started keep running.</p>
      {revoke.isError && (
        <ErrorNote
          title="The token still works."
          message={words(revoke.error).message}
          code={words(revoke.error).code}
        />
      )}
      <footer>
        <Button onClick={onClose}>Keep it</Button>
        <Button
          look="danger"
          disabled={revoke.isPending}
          onClick={() => revoke.mutate(token.id, { onSuccess: onClose })}
        >
          {revoke.isPending ? "Revoking…" : "Revoke token"}
        </Button>
      </footer>
    </Dialog>
  );
}
