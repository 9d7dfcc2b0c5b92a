import type { Group, Me } from "#/api/schema";
import { inOrder } from "#/features/groups/tree";
import type { ReportSearch, Scope } from "#/features/reports/search";

export const SCOPE_WORDS: Record<Scope, string> = { all: "Everything", own: "Your own clusters" };

/** The groups whose reports somebody may read: all to admins; to others those that they lead, and what stands below them. */
export function readable(groups: readonly Group[], me: Me): Group[] {
  const led = groups.filter(({ role }) => role === "lead");
  return inOrder(
    groups.filter(
      ({ path }) =>
        me.user.role === "admin" || led.some((root) => path === root.path || path.startsWith(`${root.path}/`)),
    ),
  );
}

/** Whose spend is reported where nobody says: as the server does it. */
export function usualScope(me: Me): Scope {
  return me.user.role === "admin" ? "all" : "own";
}

/** What a choice of the list means for the address. Paths begin with a slash, scopes do not. */
export function searchOf(value: string, me: Me): Pick<ReportSearch, "scope" | "group"> {
  if (value.startsWith("/")) return { group: value, scope: undefined };
  return { group: undefined, scope: value === usualScope(me) ? undefined : (value as Scope) };
}
