import { Link } from "@tanstack/react-router";
import { ApiError } from "#/api/client";
import { Failure } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Empty, SkeletonRows } from "#/ui/states";

interface NotLoadedProps {
  id: string;
  query: { error: unknown; isPending: boolean; isError: boolean; refetch: () => unknown };
}

/** A page about a cluster before there is one: it is on its way, missing, or could not be read. */
export function NotLoaded({ id, query }: NotLoadedProps) {
  const missing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <>
      <div className="top">
        <div className="grow">
          <h1>{missing ? "No such cluster" : "Cluster"}</h1>
          <p className="sub mono">{id}</p>
        </div>
      </div>
      <div className="content">
        <Card title={query.isPending ? "Bill by line" : "What happened"}>
          {query.isPending && <SkeletonRows rows={6} what="the cluster" />}
          {missing && (
            <Empty title="There is no such cluster, or it is not yours to see.">
              <p>
                <Link to="/clusters">All clusters</Link>
              </p>
            </Empty>
          )}
          {query.isError && !missing && (
            <Failure error={query.error} what="The cluster" onRetry={() => query.refetch()} />
          )}
        </Card>
      </div>
    </>
  );
}
