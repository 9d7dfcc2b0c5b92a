import { mergeConfig } from "vite";
import { defineConfig } from "vitest/config";
import vite from "./vite.config.ts";

// A document is slow to make, and only what renders needs one.
export default mergeConfig(
  vite,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: { name: "logic", include: ["src/**/*.test.ts"], environment: "node", testTimeout: 30_000 },
        },
        {
          extends: true,
          test: {
            name: "pages",
            include: ["src/**/*.test.tsx"],
            environment: "happy-dom",
            setupFiles: ["tests/setup.ts"],
            testTimeout: 60_000,
          },
        },
      ],
    },
  }),
);
