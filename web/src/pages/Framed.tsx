import { Navigate, Outlet, useRouterState } from "@tanstack/react-router";
import { isSignedOut } from "#/api/client";
import { useMe } from "#/api/queries/session";
import { Failure } from "#/features/shell/Failure";
import { Shell } from "#/features/shell/Shell";
import { Mark } from "#/ui/Patterns";

/** All pages behind the sign-in. Whoever is signed out is asked to sign in and then brought back. */
export function Framed() {
  const me = useMe();
  const here = useRouterState({ select: (state) => state.location.href });
  if (isSignedOut(me.error)) return <Navigate to="/signin" search={{ to: here }} replace />;
  if (me.data) {
    return (
      <Shell me={me.data}>
        <Outlet />
      </Shell>
    );
  }
  return (
    <main className="alone" id="main">
      <div className="brand">
        <Mark />
        Lineitem
      </div>
      {me.isError ? (
        <section className="card" aria-label="Problem">
          <div className="body" style={{ paddingTop: 16 }}>
            <Failure error={me.error} what="Your session" onRetry={() => me.refetch()} />
          </div>
        </section>
      ) : (
        <p className="mute" role="status">
          Loading…
        </p>
      )}
    </main>
  );
}
