import { useQuery } from "@tanstack/react-query";
import { call, callForFile } from "#/api/client";
import { keys } from "#/api/queries/keys";
import type { SQLRequest, SQLResult } from "#/api/schema";

/** A value of an answer. Whole numbers beyond 2^53, decimals and times are texts. */
export type SqlValue = string | number | boolean | null | SqlValue[] | { [key: string]: SqlValue };

/** What a statement answered, its rows as what they are: the contract knows no type for values of any type. */
export type SqlAnswer = Omit<SQLResult, "rows"> & { rows: SqlValue[][] };

/** The tables that statements may name; they change with the server's version only. */
export function useSqlTables() {
  return useQuery({
    queryKey: keys.sqlTables,
    queryFn: ({ signal }) => call("GET /sql/tables", {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Runs a statement; aborting ends it on the server too. */
export async function runSql(body: SQLRequest, signal: AbortSignal): Promise<SqlAnswer> {
  return (await call("POST /sql", { body }, signal)) as unknown as SqlAnswer;
}

/** Runs a statement and returns all of its answer as a Parquet file. */
export function runSqlForFile(body: SQLRequest, signal: AbortSignal): Promise<Blob> {
  return callForFile("POST /sql.parquet", { body }, signal);
}
