import type { ReactNode } from "react";
import { Failure } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { SkeletonRows } from "#/ui/states";

interface PartProps<T> {
  query: { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  title: string;
  what: string;
  children: (data: T) => ReactNode;
}

/** One card's data: its frame stands at once, and what was read before stays while the server is away. */
export function Part<T>({ query, title, what, children }: PartProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  return (
    <Card title={title}>
      {query.isPending ? (
        <SkeletonRows what={what} />
      ) : (
        <Failure error={query.error} what={what} onRetry={() => query.refetch()} />
      )}
    </Card>
  );
}
