import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { me } from "../../tests/data";

const signedOut = { status: 401, body: error("unauthenticated", "Sign in first.") };

/** A server that knows nobody until the code has come. */
function closed(code: string) {
  let session = false;
  return {
    ...usual(),
    "GET /me": () => (session ? { body: me } : signedOut),
    "POST /session": (body: unknown) => {
      if ((body as { code: string }).code !== code || session)
        return { status: 401, body: error("unauthenticated", "This code was used already.") };
      session = true;
      return { body: me };
    },
  };
}

describe("signing in", () => {
  it("with a link sends its code once and goes on", async () => {
    const page = open("/signin#code=lic_1", closed("lic_1"));
    await screen.findByRole("heading", { level: 1, name: "Overview" });
    expect(page.server.asked.filter(({ request }) => request === "POST /session")).toEqual([
      { request: "POST /session", query: "", body: { code: "lic_1" } },
    ]);
    expect(page.address()).toBe("/");
  });

  it("keeps where the reader wanted to go", async () => {
    const page = open("/clusters/c1?line=19&file=%2Fhome%2Fana%2Fflights.py", closed("lic_1"));
    const field = await screen.findByLabelText("Sign-in link or its code");
    await userEvent.type(field, "http://127.0.0.1:8470/signin#code=lic_1");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByRole("heading", { level: 1, name: /backtest/ });
    expect(page.address()).toContain("/clusters/c1?");
    expect(page.address()).toContain("line=19");
  });

  it("shows the server's reason for a used link and lets paste another", async () => {
    open("/signin#code=old", closed("lic_1"));
    expect(await screen.findByText("This code was used already.", { exact: false })).toBeTruthy();
    await userEvent.type(screen.getByLabelText("Sign-in link or its code"), "lic_1");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByRole("heading", { level: 1, name: "Overview" });
  });

  it("does not send what cannot be a code", async () => {
    const page = open("/signin", closed("lic_1"));
    await userEvent.type(await screen.findByLabelText("Sign-in link or its code"), "what is this");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("alert")).toBeTruthy();
    expect(page.server.asked.some(({ request }) => request === "POST /session")).toBe(false);
  });

  it("never leads to another site", async () => {
    const page = open("/signin?to=%2F%2Fevil.example#code=lic_1", closed("lic_1"));
    await screen.findByRole("heading", { level: 1, name: "Overview" });
    expect(page.address()).toBe("/");
  });

  it("is asked for when a session ends in the middle", async () => {
    let ended = false;
    const answers = usual();
    const page = open("/clusters", {
      ...answers,
      "GET /me": () => (ended ? signedOut : { body: me }),
      "GET /clusters": () => (ended ? signedOut : { body: { items: [], next_cursor: "" } }),
    });
    await screen.findByText("No cluster has reported yet.");
    ended = true;
    await screen.findByRole("heading", { level: 1, name: "Sign in" });
    await waitFor(() => expect(page.address()).toBe("/signin?to=%2Fclusters"));
  });
});
