import type { Group, Me } from "#/api/schema";

/** How many groups of the list a group stands below: a lead sees the branch that they lead, not what it hangs on. */
export function depth(group: Group, all: readonly Group[]): number {
  return all.filter((other) => other.id !== group.id && below(group.path, other.path)).length;
}

/** Groups that one may be put below: all but itself and those below it. */
export function places(group: Group, all: readonly Group[]): Group[] {
  return all.filter((other) => other.id !== group.id && !below(other.path, group.path));
}

/** Groups as a tree is read: each above those below it, and its neighbours by name. Paths do not sort so, as "-" comes before "/". */
export function inOrder(all: readonly Group[]): Group[] {
  return [...all].sort((a, b) => {
    const [x, y] = [a.path.split("/"), b.path.split("/")];
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      const by = (x[i] ?? "").localeCompare(y[i] ?? "");
      if (by !== 0) return by;
    }
    return x.length - y.length;
  });
}

/** Whether the reader sees what a group pays for and who is in it: admins, and who leads it or one above. */
export function maySee(group: Group, groups: readonly Group[], me: Me | undefined): boolean {
  if (me?.user.role === "admin") return true;
  return groups.some(({ path, role }) => role === "lead" && (group.path === path || below(group.path, path)));
}

/** Whether the reader leads any group. */
export function leads(me: Me): boolean {
  return me.groups.some(({ role }) => role === "lead");
}

function below(path: string, root: string): boolean {
  return path.startsWith(`${root}/`);
}
