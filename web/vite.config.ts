import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.LINEITEM_DEV_SERVER ?? "http://127.0.0.1:8470";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "#": fileURLToPath(new URL("./src", import.meta.url)) } },
  // public/.gitkeep is copied along: without a file in dist the Go code of a fresh clone does not compile.
  build: { cssTarget: ["chrome123", "firefox120", "safari17.5"], sourcemap: false, assetsInlineLimit: 0 },
  server: { proxy: { "/api": server, "/openapi.json": server, "/reports/": server } },
});
