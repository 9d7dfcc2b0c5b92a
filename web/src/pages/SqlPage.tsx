import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { isSignedOut } from "#/api/client";
import { useMe } from "#/api/queries/session";
import { runSql, runSqlForFile, type SqlAnswer, useSqlTables } from "#/api/queries/sql";
import { Failure, words } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import type { SqlEditorHandle } from "#/features/sql/handle";
import { forget, remember, sqlHistory } from "#/features/sql/history";
import { SqlHistory } from "#/features/sql/SqlHistory";
import { SqlResult } from "#/features/sql/SqlResult";
import { SqlTables } from "#/features/sql/SqlTables";
import { SQL_PERIODS, type SqlPeriod, sqlPeriod, sqlSince } from "#/features/sql/search";
import { answerCsv } from "#/features/sql/values";
import { count } from "#/lib/format";
import { moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { DownloadButton } from "#/ui/DownloadButton";
import { ErrorNote, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/sql");
const SqlEditor = lazy(() => import("#/features/sql/SqlEditor").then((module) => ({ default: module.SqlEditor })));

const FIRST = `select operation, round(sum(cost_nanos) / 1e9, 4) as cost
from lines
where kind = 'work'
group by all
order by cost desc`;

/** How many rows are asked for: as many as a person looks at, and a spreadsheet takes. */
const MOST_ROWS = 10_000;

const PERIOD_WORDS: Record<SqlPeriod, string> = { 7: "7 days", 30: "30 days", 90: "90 days", 365: "a year" };

type State =
  | { of: "nothing" }
  | { of: "running" }
  | { of: "stopped" }
  | { of: "answer"; answer: SqlAnswer; statement: string; since: string | undefined; at: number }
  | { of: "error"; error: unknown };

/** Anything about costs, in SQL. */
export function SqlPage() {
  const { q, period } = route.useSearch();
  const navigate = route.useNavigate();
  const me = useMe();
  const tables = useSqlTables();
  const editor = useRef<SqlEditorHandle>(null);
  const running = useRef<AbortController>(null);
  const [state, setState] = useState<State>({ of: "nothing" });
  const [past, setPast] = useState(() => sqlHistory(localStorage));
  const schema = useMemo(
    () => Object.fromEntries((tables.data?.items ?? []).map((t) => [t.name, t.columns.map((column) => column.name)])),
    [tables.data],
  );
  useEffect(() => () => running.current?.abort(), []);

  const run = async () => {
    const statement = editor.current?.text().trim() ?? "";
    if (!statement) return;
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    setState({ of: "running" });
    setPast(remember(statement, localStorage));
    await navigate({ search: (old) => ({ ...old, q: statement }), replace: true });
    const since = sqlSince(period, new Date());
    try {
      const answer = await runSql({ sql: statement, limit: MOST_ROWS, ...(since ? { since } : {}) }, control.signal);
      if (!control.signal.aborted) setState({ of: "answer", answer, statement, since, at: Date.now() });
    } catch (error) {
      if (!control.signal.aborted) setState({ of: "error", error });
      if (isSignedOut(error)) await me.refetch();
    }
  };
  const stop = () => {
    running.current?.abort();
    setState({ of: "stopped" });
  };
  return (
    <>
      <title>SQL · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>SQL</h1>
          <p className="sub">Ask the costs that you may see anything: one SELECT, nothing can be changed</p>
        </div>
      </div>
      <div className="content">
        <div className="sqlpage">
          <div className="stack">
            <Card
              title="Statement"
              actions={
                <>
                  <label className="inline">
                    <span>Tables hold</span>
                    <select
                      className="field"
                      value={period ?? ""}
                      onChange={(event) =>
                        navigate({
                          search: (old) => ({ ...old, period: sqlPeriod(event.target.value) }),
                          replace: true,
                        })
                      }
                    >
                      <option value="">all time</option>
                      {SQL_PERIODS.map((days) => (
                        <option key={days} value={days}>
                          {PERIOD_WORDS[days]}
                        </option>
                      ))}
                    </select>
                  </label>
                  {state.of === "running" ? (
                    <Button small onClick={stop}>
                      Stop
                    </Button>
                  ) : (
                    <Button small look="primary" onClick={run} aria-keyshortcuts="Control+Enter" title="Ctrl+Enter">
                      Run
                    </Button>
                  )}
                </>
              }
            >
              <Suspense fallback={<SkeletonRows rows={5} what="the editor" />}>
                <SqlEditor ref={editor} initial={q ?? FIRST} schema={schema} onRun={run} />
              </Suspense>
            </Card>
            <Answer state={state} />
          </div>
          <div className="stack">
            <Card title="Tables">
              {tables.data ? (
                <SqlTables tables={tables.data.items} onName={(name) => editor.current?.insert(name)} />
              ) : tables.error ? (
                <Failure error={tables.error} what="The tables" onRetry={() => tables.refetch()} />
              ) : (
                <SkeletonRows what="the tables" />
              )}
            </Card>
            <Card title="History">
              <SqlHistory
                statements={past}
                onPick={(statement) => editor.current?.replace(statement)}
                onForget={() => setPast(forget(localStorage))}
              />
            </Card>
          </div>
        </div>
        {me.data && <Colophon me={me.data} />}
      </div>
    </>
  );
}

function Answer({ state }: { state: State }) {
  const clock = useClock(state.of === "answer" ? state.at : 0);
  switch (state.of) {
    case "nothing":
      return null;
    case "running":
      return (
        <Card title="Answer">
          <SkeletonRows what="the answer" />
        </Card>
      );
    case "stopped":
      return (
        <Card title="Answer">
          <p className="mute" role="status">
            The statement was stopped.
          </p>
        </Card>
      );
    case "error": {
      const { message, code } = words(state.error);
      return (
        <Card title="Answer">
          <div className="sqlerror">
            <ErrorNote title="There is no answer." message={message} code={code} />
          </div>
        </Card>
      );
    }
  }
  const { answer } = state;
  return (
    <Card
      title="Answer"
      aside={
        <span role="status">
          {count(answer.row_count, "row")} in{" "}
          {answer.milliseconds < 1000 ? `${answer.milliseconds} ms` : `${(answer.milliseconds / 1000).toFixed(1)} s`},{" "}
          {size(answer.bytes)}, as of {moment(answer.as_of, clock)}
        </span>
      }
      actions={
        <>
          <DownloadButton name="lineitem.csv" label="Export CSV" text={() => answerCsv(answer)} />
          <SaveParquet key={state.at} statement={state.statement} since={state.since} />
        </>
      }
    >
      {answer.more && <p className="note warn">These are the first rows only. {answer.cut} A Parquet file has all.</p>}
      <SqlResult key={state.at} answer={answer} />
    </Card>
  );
}

function size(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Runs the statement once more, for all of its rows. */
function SaveParquet({ statement, since }: { statement: string; since: string | undefined }) {
  const [failed, setFailed] = useState<string>();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setFailed(undefined);
    try {
      const file = await runSqlForFile({ sql: statement, ...(since ? { since } : {}) }, new AbortController().signal);
      const url = URL.createObjectURL(file);
      const link = document.createElement("a");
      link.href = url;
      link.download = "lineitem.parquet";
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      setFailed(words(error).message);
    }
    setBusy(false);
  };
  return (
    <>
      <Button small onClick={save} disabled={busy} title="Runs it again, for all of its rows">
        Save as Parquet
      </Button>
      {failed && (
        <span role="alert" className="bad small">
          {failed}
        </span>
      )}
    </>
  );
}
