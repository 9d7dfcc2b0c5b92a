import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "#/api/client";
import { keys } from "#/api/queries/keys";
import type { Cluster } from "#/api/schema";

/** Time between two looks at what changes. */
export const POLL_MS = 2000;

/** The same for what costs the server more and changes less. */
export const SLOW_POLL_MS = 5000;

export type Status = Cluster["status"];

/** Statuses of clusters that cost money now or soon. */
export const LIVE_STATUSES: readonly Status[] = ["pending", "starting", "running", "stopping"];

/** Whether a cluster can still change by itself. */
export function isLive(cluster: Pick<Cluster, "status">): boolean {
  return LIVE_STATUSES.includes(cluster.status);
}

/** Clusters of some statuses, newest first, page by page; none stands for all. */
export function useClusters(status: Status[]) {
  return useInfiniteQuery({
    queryKey: keys.clusterList(status.join()),
    queryFn: ({ pageParam, signal }) =>
      call("GET /clusters", { query: { status, limit: 100, cursor: pageParam } }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor || undefined,
    placeholderData: keepPreviousData,
    refetchInterval: POLL_MS,
  });
}

/** All that runs now, for the sums that no filter changes. */
export function useLiveClusters() {
  return useQuery({
    queryKey: keys.clusterList("live"),
    queryFn: ({ signal }) => call("GET /clusters", { query: { status: [...LIVE_STATUSES], limit: 200 } }, signal),
    refetchInterval: POLL_MS,
  });
}

/** The newest clusters, to choose another one from; read once. */
export function useRecentClusters() {
  return useQuery({
    queryKey: keys.clusterList("recent"),
    queryFn: ({ signal }) => call("GET /clusters", { query: { limit: 200 } }, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useCluster(id: string) {
  return useQuery({
    queryKey: keys.cluster(id),
    queryFn: ({ signal }) => call("GET /clusters/{cluster_id}", { path: { cluster_id: id } }, signal),
    refetchInterval: (query) => (query.state.data && !isLive(query.state.data) ? 10 * POLL_MS : POLL_MS),
  });
}

/** How often to look again at a part of a cluster: false for never. */
export type Poll = number | false;

export function useBill(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "bill"),
    queryFn: ({ signal }) => call("GET /clusters/{cluster_id}/bill", { path: { cluster_id: id } }, signal),
    refetchInterval: poll,
  });
}

/** The bill of a cluster that may have been chosen to compare with; it is read once. */
export function useBillIf(id: string | undefined) {
  return useQuery({
    queryKey: keys.part(id ?? "", "bill"),
    queryFn: ({ signal }) => call("GET /clusters/{cluster_id}/bill", { path: { cluster_id: id ?? "" } }, signal),
    enabled: id !== undefined,
  });
}

/** Bins of a timeline: as many as a card is wide enough to show. */
export const TIMELINE_BINS = 120;

export function useTimeline(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "timeline"),
    queryFn: ({ signal }) =>
      call("GET /clusters/{cluster_id}/timeline", { path: { cluster_id: id }, query: { bins: TIMELINE_BINS } }, signal),
    refetchInterval: poll,
  });
}

export function useProcesses(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "processes"),
    queryFn: ({ signal }) => call("GET /clusters/{cluster_id}/processes", { path: { cluster_id: id } }, signal),
    refetchInterval: poll,
  });
}

export function useEvents(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "events"),
    queryFn: ({ signal }) =>
      call("GET /clusters/{cluster_id}/events", { path: { cluster_id: id }, query: { limit: 100 } }, signal),
    refetchInterval: poll,
  });
}

/** Who asked for what. */
export function useSubmissions(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "submissions"),
    queryFn: ({ signal }) => call("GET /clusters/{cluster_id}/submissions", { path: { cluster_id: id } }, signal),
    refetchInterval: poll,
  });
}

/** What was read and written. */
export function useReads(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "reads"),
    queryFn: ({ signal }) => call("GET /clusters/{cluster_id}/reads", { path: { cluster_id: id } }, signal),
    refetchInterval: poll,
  });
}

/** What the processes used of their machines. */
export function useResources(id: string, poll: Poll) {
  return useQuery({
    queryKey: keys.part(id, "resources"),
    queryFn: ({ signal }) =>
      call(
        "GET /clusters/{cluster_id}/resources",
        { path: { cluster_id: id }, query: { bins: TIMELINE_BINS } },
        signal,
      ),
    refetchInterval: poll,
  });
}

/** The end of one process's output. */
export function useLogs(id: string, process: string | undefined, tailBytes: number, poll: Poll) {
  return useQuery({
    queryKey: keys.logs(id, process ?? "", tailBytes),
    queryFn: ({ signal }) =>
      call(
        "GET /clusters/{cluster_id}/logs",
        { path: { cluster_id: id }, query: { process, tail_bytes: tailBytes } },
        signal,
      ),
    enabled: process !== undefined,
    refetchInterval: poll,
  });
}

/** The text of one file of user code. It does not change under its cluster, but may arrive after the first cost. */
export function useSource(id: string, file: string | undefined, poll: Poll) {
  return useQuery({
    queryKey: keys.source(id, file ?? ""),
    queryFn: ({ signal }) =>
      call("GET /clusters/{cluster_id}/source", { path: { cluster_id: id }, query: { file: file ?? "" } }, signal),
    enabled: file !== undefined,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: (query) => (query.state.status === "error" ? poll : false),
  });
}

/** Changes a cluster and puts the server's answer in place at once, so that the page never shows the wish as the fact. */
function useChange<In>(id: string, change: (input: In) => Promise<Cluster>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (cluster) => {
      client.setQueryData(keys.cluster(id), cluster);
      return client.invalidateQueries({ queryKey: keys.clusters });
    },
  });
}

export function useScale(id: string) {
  return useChange(id, (workers: number) =>
    call("POST /clusters/{cluster_id}/scale", { path: { cluster_id: id }, body: { n_workers: workers } }),
  );
}

export function useStop(id: string) {
  return useChange(id, (_: undefined) => call("POST /clusters/{cluster_id}/stop", { path: { cluster_id: id } }));
}
