import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "#/api/client";
import { keys } from "#/api/queries/keys";
import type { ChangeGroupRequest, CreateGroupRequest, CreateUserRequest, PutMemberRequest } from "#/api/schema";

/** The groups that the reader is in or leads; all of them to admins. */
export function useGroups(enabled = true) {
  return useQuery({ queryKey: keys.groups, queryFn: ({ signal }) => call("GET /groups", {}, signal), enabled });
}

export function useMembers(group: string) {
  return useQuery({
    queryKey: keys.members(group),
    queryFn: ({ signal }) => call("GET /groups/{group_id}/members", { path: { group_id: group } }, signal),
  });
}

/** All users, for admins. */
export function useUsers(enabled: boolean) {
  return useQuery({ queryKey: keys.users, queryFn: ({ signal }) => call("GET /users", {}, signal), enabled });
}

/** What every change of groups makes old: the tree, members, and what the reader is told of themself. */
function useAfterChange() {
  const client = useQueryClient();
  return () =>
    Promise.all([keys.groups, keys.users, keys.me].map((queryKey) => client.invalidateQueries({ queryKey })));
}

export function useCreateGroup() {
  const after = useAfterChange();
  return useMutation({ mutationFn: (body: CreateGroupRequest) => call("POST /groups", { body }), onSuccess: after });
}

export function useChangeGroup(group: string) {
  const after = useAfterChange();
  return useMutation({
    mutationFn: (body: ChangeGroupRequest) => call("PATCH /groups/{group_id}", { path: { group_id: group }, body }),
    onSuccess: after,
  });
}

export function useDeleteGroup(group: string) {
  const after = useAfterChange();
  return useMutation({
    mutationFn: () => call("DELETE /groups/{group_id}", { path: { group_id: group } }),
    onSuccess: after,
  });
}

export function usePutMember(group: string) {
  const after = useAfterChange();
  return useMutation({
    mutationFn: ({ user, ...body }: PutMemberRequest & { user: string }) =>
      call("PUT /groups/{group_id}/members/{user_id}", { path: { group_id: group, user_id: user }, body }),
    onSuccess: after,
  });
}

export function useRemoveMember(group: string) {
  const after = useAfterChange();
  return useMutation({
    mutationFn: (user: string) =>
      call("DELETE /groups/{group_id}/members/{user_id}", { path: { group_id: group, user_id: user } }),
    onSuccess: after,
  });
}

/** Makes a user; the link in its answer signs them in, once. */
export function useCreateUser() {
  const after = useAfterChange();
  return useMutation({ mutationFn: (body: CreateUserRequest) => call("POST /users", { body }), onSuccess: after });
}
