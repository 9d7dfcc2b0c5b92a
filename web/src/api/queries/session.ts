import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "#/api/client";
import { keys } from "#/api/queries/keys";

/** Who the reader is; its error is "signed out" for isSignedOut where there is no session. */
export function useMe() {
  return useQuery({ queryKey: keys.me, queryFn: ({ signal }) => call("GET /me", {}, signal), staleTime: 60_000 });
}

/** Trades the code of a sign-in link for a session. */
export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (code: string) => call("POST /session", { body: { code } }),
    onSuccess: (me) => client.setQueryData(keys.me, me),
  });
}

/** Ends the session and forgets all that was read with it. */
export function useSignOut() {
  const client = useQueryClient();
  return useMutation({ mutationFn: () => call("DELETE /session", {}), onSuccess: () => client.resetQueries() });
}
