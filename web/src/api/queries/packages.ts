import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call } from "#/api/client";
import type { Poll } from "#/api/queries/clusters";
import { keys, type PackageQuery } from "#/api/queries/keys";

/** Who has which package. A question that the server refuses is not asked again until it changes. */
export function usePackages(query: PackageQuery, { enabled = true, poll = false as Poll } = {}) {
  return useQuery({
    enabled,
    refetchInterval: poll,
    queryKey: keys.packages(query),
    queryFn: ({ signal }) => call("GET /packages", { query }, signal),
    placeholderData: keepPreviousData,
  });
}

/** One set of installed software: it never changes, as its id is the sum of its content. */
export function useEnvironment(id: string) {
  return useQuery({
    queryKey: keys.environment(id),
    queryFn: ({ signal }) => call("GET /environments/{environment_id}", { path: { environment_id: id } }, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}
