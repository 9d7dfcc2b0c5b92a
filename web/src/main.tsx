import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { makeClient } from "#/api/queries/queryClient";
import { applyTheme, savedTheme } from "#/lib/theme";
import { makeRouter } from "#/routes";
import "#/theme.css";
import "#/ui/base.css";
import "#/ui/shell.css";
import "#/ui/components.css";
import "#/ui/charts.css";
import "#/ui/pages.css";
import "#/ui/code.css";
import "#/ui/explore.css";
import "#/ui/sql.css";

applyTheme(savedTheme(localStorage), document.documentElement, localStorage);

const target = document.getElementById("root");
if (target) {
  createRoot(target).render(
    <StrictMode>
      <QueryClientProvider client={makeClient()}>
        <RouterProvider router={makeRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
