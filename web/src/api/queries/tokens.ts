import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "#/api/client";
import { keys } from "#/api/queries/keys";
import type { TokenRequest } from "#/api/schema";

export function useTokens() {
  return useQuery({ queryKey: keys.tokens, queryFn: ({ signal }) => call("GET /tokens", {}, signal) });
}

/** Makes a token; the secret is in its answer and nowhere else. */
export function useCreateToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: TokenRequest) => call("POST /tokens", { body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.tokens }),
  });
}

export function useRevokeToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call("DELETE /tokens/{token_id}", { path: { token_id: id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.tokens }),
  });
}
