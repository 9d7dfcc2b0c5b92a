import { Outlet, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { isSignedOut } from "#/api/client";
import { useMe } from "#/api/queries/session";
import { Failure } from "#/features/shell/Failure";
import { Shell } from "#/features/shell/Shell";
import { Mark } from "#/ui/Patterns";

/** All pages behind the sign-in. Whoever is signed out is asked to sign in and then brought back. */
export function Framed() {
  const me = useMe();
  if (isSignedOut(me.error)) return <SignedOut />;
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

/** Leads to the sign-in page, which knows from the address where to come back to. */
function SignedOut() {
  const router = useRouter();
  useEffect(() => {
    // Read once, when the reader is found out: while the way leads there, "here" is the sign-in page already.
    const here = router.state.location;
    if (here.pathname !== "/signin") void router.navigate({ to: "/signin", search: { to: here.href }, replace: true });
  }, [router]);
  return null;
}
