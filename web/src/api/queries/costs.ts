import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ApiError, call, urlOf } from "#/api/client";
import { type CostQuery, keys } from "#/api/queries/keys";
import type { CostBreakdown, Source } from "#/api/schema";

/** Most rows that an answer lists. */
export const MAX_ROWS = 10_000;

/** Answers are read again after so long; what was spent in the past seldom changes. */
const FRESH_MS = 60_000;

/** What was spent on anything. While a new question is on its way the answer to the one before stays. */
export function useBreakdown(query: CostQuery | undefined) {
  return useQuery({
    queryKey: keys.breakdown(query ?? { by: [], where: [], since: "" }),
    queryFn: ({ signal }): Promise<CostBreakdown> => {
      if (!query) throw new Error("there is no question");
      return call("GET /cost/breakdown", { query: parameters(query) }, signal);
    },
    enabled: query !== undefined,
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
  });
}

/** The address that answers a question. */
export function breakdownUrl(query: CostQuery): string {
  return urlOf("GET /cost/breakdown", { query: parameters(query) });
}

export const FILES = ["csv", "parquet", "arrow"] as const;

/** The address of a file with all rows of an answer. */
export function breakdownFileUrl(query: CostQuery, format: (typeof FILES)[number]): string {
  return urlOf(`GET /cost/breakdown.${format}`, { query: { ...parameters(query), limit: undefined } });
}

function parameters(query: CostQuery) {
  const { by, where, since, until, limit, figures } = query;
  return { by: [...by], where: [...where], since, until, limit, figures };
}

/** The text of a file, from the first of some clusters that has it and whose code the reader may see. */
export function useSourceAnywhere(file: string | undefined, clusters: readonly string[]) {
  return useQuery({
    queryKey: keys.sourceAnywhere(file ?? "", clusters),
    queryFn: async ({ signal }): Promise<Source & { cluster: string }> => {
      let refused: unknown = new ApiError(404, "not_found", "No cluster of this period has the file.");
      for (const id of clusters) {
        try {
          const query = { file: file ?? "" };
          const source = await call("GET /clusters/{cluster_id}/source", { path: { cluster_id: id }, query }, signal);
          return { ...source, cluster: id };
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 404) throw error;
          refused = error;
        }
      }
      throw refused;
    },
    enabled: file !== undefined,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
