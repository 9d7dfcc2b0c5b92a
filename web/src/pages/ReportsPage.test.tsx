import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { error, open, usual } from "../../tests/app";
import { me, overview } from "../../tests/data";

const DOLLAR = 1_000_000_000;
const group = (id: string, path: string, role: string) => ({
  id,
  path,
  name: path.slice(path.lastIndexOf("/") + 1),
  parent_id: "",
  created_at: "2026-11-19T09:50:00Z",
  n_members: 1,
  role,
  pays: false,
});
const lea = { id: "u7", name: "lea", role: "user" };
const week = overview({
  month: "",
  start: "2026-11-15T23:00:00Z",
  end: "2026-11-22T23:00:00Z",
  until: "2026-11-22T23:00:00Z",
});

/** A server whose reader leads /research; they are a member of /office, too. */
function lead() {
  return {
    ...usual(),
    "GET /me": { body: { ...me, user: lea, groups: [{ id: "g1", path: "/research", role: "lead", pays: true }] } },
    "GET /groups": {
      body: {
        items: [
          group("g3", "/office", "member"),
          group("g2", "/research/genomics", ""),
          group("g1", "/research", "lead"),
        ],
      },
    },
    "GET /reports/2026-W47/report": (_: unknown, query: string) => ({
      body: {
        week: "2026-W47",
        scope: query.includes("group=") ? query.slice(query.indexOf("/")) : "own",
        reader: "lea",
        overview: week,
        weeks: [
          { week: "2026-W45", cost_nanos: 20_000 * DOLLAR },
          { week: "2026-W46", cost_nanos: 30_000 * DOLLAR },
        ],
      },
    }),
    "GET /reports/subscription": { body: { address: "", weekly: false, sends: true } },
  };
}

const card = (name: string) => within(screen.getByRole("region", { name }));

describe("the weekly report", () => {
  it("offers a lead the groups that they lead and those below, and asks for the one chosen", async () => {
    const page = open("/reports?week=2026-W47", lead());
    const whose = await screen.findByLabelText("Whose spend");
    const choices = await within(whose).findAllByRole("option", { name: /^\// });
    expect(choices.map((option) => option.textContent)).toEqual(["/research", "/research/genomics"]);
    expect(within(whose).queryByRole("option", { name: "Everything" })).toBeNull();
    expect(screen.getByText("What your own clusters cost · Week 47, 16–22 Nov 2026")).toBeTruthy();

    await userEvent.selectOptions(whose, "/research/genomics");
    expect(page.address()).toBe("/reports?week=2026-W47&group=%2Fresearch%2Fgenomics");
    expect(
      await screen.findByText("What /research/genomics and the groups below it paid for · Week 47, 16–22 Nov 2026"),
    ).toBeTruthy();
    const asked = page.server.asked.filter(({ request }) => request === "GET /reports/2026-W47/report");
    expect(asked.map(({ query }) => query)).toContain("group=/research/genomics");
    for (const [name, address] of [
      ["Print or PDF", "/reports/2026-W47?group=%2Fresearch%2Fgenomics"],
      ["Save as CSV", "/api/v1/reports/2026-W47/report.csv?group=%2Fresearch%2Fgenomics"],
      ["Save as Text", "/api/v1/reports/2026-W47/report.txt?group=%2Fresearch%2Fgenomics"],
    ] as const) {
      expect(screen.getByRole("link", { name }).getAttribute("href")).toBe(address);
    }

    await userEvent.selectOptions(whose, "own");
    expect(page.address()).toBe("/reports?week=2026-W47");
  });

  it("holds the week against those before, and names who can mend its waste", async () => {
    const page = open("/reports?week=2026-W47&group=/research", lead());
    const figures = within(await screen.findByRole("region", { name: "The week in figures" }));
    expect(figures.getByRole("button", { name: "$29,417" })).toBeTruthy();
    expect(figures.getByText("$25,000")).toBeTruthy();
    expect(figures.getByText(/mean of 2 weeks before; this one \+18/)).toBeTruthy();
    const rows = card("Against the weeks before").getAllByRole("row").slice(1);
    expect(rows.map((row) => row.textContent)).toEqual([
      "Week 47, 16–22 Nov 2026$29,417",
      "Week 46, 9–15 Nov 2026$30,000",
      "Week 45, 2–8 Nov 2026$20,000",
    ]);
    const [first] = card("Waste, and who can mend it").getAllByRole("listitem");
    expect(first?.textContent).toContain("For its owners: ana $2,206 and 2 others.");
    await userEvent.click(card("Against the weeks before").getByRole("button", { name: /Week 46/ }));
    expect(page.address()).toContain("week=2026-W46");
    await userEvent.click(screen.getByRole("button", { name: "The week before" }));
    expect(page.address()).toContain("week=2026-W45");
  });

  it("says in the server's words whose report one may not read", async () => {
    open("/reports?week=2026-W47&group=/office", {
      ...lead(),
      "GET /reports/2026-W47/report": {
        status: 403,
        body: error("not_lead", "What /office pays for is seen by who leads it."),
      },
    });
    expect((await screen.findByRole("alert")).textContent).toContain("seen by who leads it");
    expect(screen.queryByRole("region", { name: "The week in figures" })).toBeNull();
  });

  it("gives an admin everything unless they choose otherwise", async () => {
    const page = open("/reports?week=2026-W47", { ...lead(), "GET /me": { body: me } });
    const whose = await screen.findByLabelText<HTMLSelectElement>("Whose spend");
    expect(whose.value).toBe("all");
    await within(whose).findByRole("option", { name: "/office" });
    await userEvent.selectOptions(whose, "own");
    expect(page.address()).toBe("/reports?week=2026-W47&scope=own");
    await userEvent.selectOptions(whose, "all");
    expect(page.address()).toBe("/reports?week=2026-W47");
  });

  it("lets one have reports mailed, and end that", async () => {
    const page = open("/reports?week=2026-W47", lead());
    expect(await screen.findByText(/one of each group that you lead \(\/research\)/)).toBeTruthy();
    page.server.answers["PUT /reports/subscription"] = (body) => ({ body: { ...(body as object), sends: true } });
    await userEvent.type(screen.getByLabelText("Address"), "lea@example.org");
    await userEvent.click(screen.getByRole("button", { name: "Mail me reports" }));
    await userEvent.click(await screen.findByRole("button", { name: "No more mails" }));
    await screen.findByRole("button", { name: "Mail me reports" });
    const put = page.server.asked.filter(({ request }) => request === "PUT /reports/subscription");
    expect(put.map(({ body }) => body)).toEqual([
      { address: "lea@example.org", weekly: true },
      { address: "lea@example.org", weekly: false },
    ]);
  });
});
