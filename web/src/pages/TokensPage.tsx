import { useMe } from "#/api/queries/session";
import { useTokens } from "#/api/queries/tokens";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { TokenForm } from "#/features/tokens/TokenForm";
import { TokenTable } from "#/features/tokens/TokenTable";
import { moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Empty, SkeletonRows } from "#/ui/states";

/** API tokens: how notebooks, scripts and the command line sign in. */
export function TokensPage() {
  const tokens = useTokens();
  const me = useMe();
  const clock = useClock(tokens.dataUpdatedAt || (me.dataUpdatedAt ?? 0));
  return (
    <>
      <title>Tokens · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>Tokens</h1>
          <p className="sub">Notebooks, scripts and the command line sign in with a token, as you</p>
        </div>
      </div>
      <div className="content">
        <TokenForm />
        <Card title="Your tokens">
          {tokens.isPending && <SkeletonRows what="tokens" />}
          {tokens.isError && (
            <Failure
              error={tokens.error}
              what="Your tokens"
              since={tokens.data && moment(clock.now.toISOString(), clock)}
              onRetry={() => tokens.refetch()}
            />
          )}
          {tokens.data &&
            (tokens.data.items.length > 0 ? (
              <TokenTable tokens={tokens.data.items} clock={clock} />
            ) : (
              <Empty title="You have no token.">
                <p className="mute">
                  Make one above, then give it to a notebook or script as the environment variable LINEITEM_TOKEN.
                </p>
              </Empty>
            ))}
        </Card>
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}
