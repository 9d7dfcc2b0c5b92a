import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, urlOf } from "#/api/client";
import { keys, type ReportQuery } from "#/api/queries/keys";
import type { ReportSubscription } from "#/api/schema";

/** What a week cost, and whose fault its waste is. */
export function useReport({ week, scope, group }: ReportQuery) {
  return useQuery({
    queryKey: keys.report({ week, scope, group }),
    queryFn: ({ signal }) => call("GET /reports/{week}/report", { path: { week }, query: { scope, group } }, signal),
    placeholderData: keepPreviousData,
  });
}

/** Files that a report can be saved as. */
export const REPORT_FILES = ["csv", "txt"] as const;

export function reportFileUrl({ week, scope, group }: ReportQuery, format: (typeof REPORT_FILES)[number]): string {
  return urlOf(`GET /reports/{week}/report.${format}`, { path: { week }, query: { scope, group } });
}

/** The server's own page of a report, which prints well. */
export function reportPrintUrl({ week, scope, group }: ReportQuery): string {
  const whose = Object.entries({ scope, group }).filter((given): given is [string, string] => given[1] !== undefined);
  const search = new URLSearchParams(whose).toString();
  return `/reports/${week}${search ? `?${search}` : ""}`;
}

/** Whether and where the reader gets reports. */
export function useReportMail() {
  return useQuery({
    queryKey: keys.reportMail,
    queryFn: ({ signal }) => call("GET /reports/subscription", {}, signal),
  });
}

export function useSetReportMail() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: ReportSubscription) => call("PUT /reports/subscription", { body }),
    onSuccess: (mail) => client.setQueryData(keys.reportMail, mail),
  });
}
