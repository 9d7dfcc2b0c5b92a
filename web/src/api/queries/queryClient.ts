import { QueryCache, QueryClient } from "@tanstack/react-query";
import { isSignedOut } from "#/api/client";
import { keys } from "#/api/queries/keys";

/** Makes what holds the server's data for the pages. */
export function makeClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      // A session that ended anywhere ended everywhere: ask who the reader is again, and the frame leads to the sign-in page.
      onError: (error, query) => {
        if (isSignedOut(error) && query.queryKey[0] !== keys.me[0]) void client.resetQueries({ queryKey: keys.me });
      },
    }),
    defaultOptions: {
      // The server may be on this very machine: whether there is a network says nothing about it.
      queries: { networkMode: "always", retry: false, refetchOnWindowFocus: true },
      mutations: { networkMode: "always" },
    },
  });
  return client;
}
