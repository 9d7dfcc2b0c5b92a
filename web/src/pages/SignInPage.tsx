import { useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useMe, useSignIn } from "#/api/queries/session";
import { codeFrom } from "#/features/session/code";
import { SignInForm } from "#/features/session/SignInForm";
import { words } from "#/features/shell/Failure";
import { Mark } from "#/ui/Patterns";

/** Trades a sign-in link's code for a session and goes on to where the reader wanted to be. */
export function SignInPage() {
  const navigate = useNavigate();
  const { to } = useSearch({ from: "/signin" });
  const code = codeFrom(`#${useRouterState({ select: (state) => state.location.hash })}`);
  const signIn = useSignIn();
  const me = useMe();
  const spent = useRef<string>(undefined);
  const { mutate } = signIn;

  // A code works once, so it must be sent once, however often the page renders or the session is looked up.
  useEffect(() => {
    if (code === undefined || spent.current === code) return;
    spent.current = code;
    mutate(code);
  }, [code, mutate]);

  // A used link of someone who is signed in leads on like any other.
  const settled = code === undefined || signIn.isSuccess || signIn.isError;
  const signedIn = me.data !== undefined && settled;
  // Once: while the next page is being loaded this one is rendered again, and going there again would begin anew each time.
  const left = useRef(false);
  useEffect(() => {
    if (!signedIn || left.current) return;
    left.current = true;
    void navigate({ to: to ?? "/", replace: true });
  }, [signedIn, navigate, to]);

  const working = signIn.isPending || (code !== undefined && !signIn.isError);
  return (
    <main className="alone" id="main">
      <div className="brand">
        <Mark />
        Lineitem
      </div>
      <section className="card" aria-labelledby="signin-title">
        <header>
          <h1 id="signin-title">Sign in</h1>
        </header>
        <div className="body">
          {working ? (
            <p className="mute" role="status">
              Signing in…
            </p>
          ) : (
            <SignInForm
              pending={signIn.isPending}
              failure={signIn.isError ? words(signIn.error).message : undefined}
              onCode={(pasted) => mutate(pasted)}
            />
          )}
        </div>
      </section>
    </main>
  );
}
