import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// Pages poll, and machines that run tests are busy: wait long, fail late, pass as soon as it shows.
configure({ asyncUtilTimeout: 15_000 });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  localStorage.clear();
});
