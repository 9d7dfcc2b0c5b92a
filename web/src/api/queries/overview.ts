import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call } from "#/api/client";
import { keys, type PeriodQuery } from "#/api/queries/keys";

/** Spend of months changes slowly, and costs the server more than a look at a cluster. */
const OVERVIEW_POLL_MS = 60_000;

/** What was spent in a period, and what to think of it. */
export function useOverview(period: PeriodQuery) {
  return useQuery({
    queryKey: keys.overview(period),
    queryFn: ({ signal }) => call("GET /overview", { query: { ...period } }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: OVERVIEW_POLL_MS,
  });
}
