import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { open, usual } from "../../tests/app";

const token = { id: "t1", name: "laptop", created_at: "2026-11-19T09:50:00Z" };

describe("tokens", () => {
  it("shows a new token's secret once", async () => {
    const page = open("/tokens", usual());
    await screen.findByText("You have no token.");
    page.server.answers["POST /tokens"] = { status: 201, body: { ...token, secret: "lit_secret" } };
    page.server.answers["GET /tokens"] = { body: { items: [token] } };
    await userEvent.type(screen.getByLabelText("What it is for"), "laptop");
    await userEvent.selectOptions(screen.getByLabelText("Valid for"), "30 days");
    await userEvent.click(screen.getByRole("button", { name: "Create token" }));
    expect(await screen.findByText("lit_secret")).toBeTruthy();
    expect(page.server.asked.find(({ request }) => request === "POST /tokens")?.body).toEqual({
      name: "laptop",
      expires_in_seconds: 2_592_000,
    });
    expect(within(await screen.findByRole("table", { name: "API tokens" })).queryByText("lit_secret")).toBeNull();
  });

  it("asks before it revokes", async () => {
    const page = open("/tokens", {
      ...usual(),
      "GET /tokens": { body: { items: [token] } },
      "DELETE /tokens/t1": { status: 204 },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Revoke laptop" }));
    const dialog = await screen.findByRole("dialog", { name: "Revoke laptop?" });
    page.server.answers["GET /tokens"] = { body: { items: [] } };
    await userEvent.click(within(dialog).getByRole("button", { name: "Revoke token" }));
    expect(await screen.findByText("You have no token.")).toBeTruthy();
    expect(page.server.asked.some(({ request }) => request === "DELETE /tokens/t1")).toBe(true);
  });
});
