import type { Me } from "#/api/schema";

/** What all that the reader sees is called: the organisation, which may have no name, or what is theirs. */
export function wholeOf(me: Me): string {
  if (me.user.role !== "admin") return `All of ${me.user.name}`;
  return me.organisation || "All that was spent";
}
