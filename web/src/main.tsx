import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { isSignedOut } from "#/api/client";
import { keys } from "#/api/queries/keys";
import { applyTheme, savedTheme } from "#/lib/theme";
import { makeRouter } from "#/routes";
import "#/theme.css";
import "#/ui/base.css";
import "#/ui/shell.css";
import "#/ui/components.css";
import "#/ui/charts.css";
import "#/ui/pages.css";

applyTheme(savedTheme(localStorage), document.documentElement, localStorage);

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

const target = document.getElementById("root");
if (target) {
  createRoot(target).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={makeRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
