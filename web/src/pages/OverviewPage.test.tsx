import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { noOverview, overview } from "../../tests/data";

const figures = () => within(screen.getByRole("region", { name: "The period in figures" }));

describe("the overview", () => {
  it("has a frame with moving stand-ins while it loads", async () => {
    open("/", { ...usual(), "GET /overview": "never" });
    expect(await screen.findByText("Loading the overview")).toBeTruthy();
    expect(screen.getByRole("heading", { level: 1, name: "Overview" })).toBeTruthy();
  });

  it("says what was spent, what is expected and what brought nothing", async () => {
    open("/", usual());
    expect(await screen.findByRole("button", { name: "$29,417" }).catch(() => undefined)).toBeFalsy();
    await screen.findByRole("region", { name: "The period in figures" });
    expect(figures().getByText("Spent, 1–19 Nov")).toBeTruthy();
    expect(figures().getByRole("button", { name: "$46,700" })).toBeTruthy();
    expect(figures().getByText("4 in 5: $44,900–$48,900")).toBeTruthy();
  });
});
