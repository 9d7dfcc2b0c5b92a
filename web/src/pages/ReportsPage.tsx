import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useGroups } from "#/api/queries/groups";
import type { ReportQuery } from "#/api/queries/keys";
import { REPORT_FILES, reportFileUrl, reportPrintUrl, useReport } from "#/api/queries/reports";
import { useMe } from "#/api/queries/session";
import type { Me, Report } from "#/api/schema";
import { AnomaliesCard } from "#/features/overview/AnomaliesCard";
import { HowDialog } from "#/features/overview/HowDialog";
import { LinesCard } from "#/features/overview/LinesCard";
import { MendCard } from "#/features/overview/MendCard";
import { MoversCard } from "#/features/overview/MoversCard";
import { PayersCard } from "#/features/overview/PayersCard";
import { SplitCard } from "#/features/overview/SplitCard";
import type { MoverDimension } from "#/features/overview/search";
import { pageDecimals } from "#/features/overview/view";
import type { Topic } from "#/features/overview/words";
import { ChooseReport } from "#/features/reports/ChooseReport";
import { MailCard } from "#/features/reports/MailCard";
import { ReportFigures } from "#/features/reports/ReportFigures";
import { queryOf, type ReportSearch } from "#/features/reports/search";
import { WeeksCard } from "#/features/reports/WeeksCard";
import { weekBy, weekOf, weekWords } from "#/features/reports/weeks";
import { Failure } from "#/features/shell/Failure";
import { Colophon } from "#/features/shell/Shell";
import { useClock } from "#/features/shell/zone";
import { percent } from "#/lib/format";
import { type Clock, moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Empty, SkeletonRows } from "#/ui/states";

const route = getRouteApi("/shell/reports");

const FILE_WORDS: Record<(typeof REPORT_FILES)[number], string> = { csv: "CSV", txt: "Text" };

/** What a week cost: for everybody what is theirs, for leads what their groups paid for, for administrators everything. */
export function ReportsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const me = useMe();
  const groups = useGroups();
  const [opened] = useState(() => Date.now());
  const start = useClock(opened);
  const current = weekOf(start.now, start.zone);
  const query = queryOf(search, weekBy(current, -1));
  const report = useReport(query);
  const clock = useClock(report.dataUpdatedAt);
  const change = (next: ReportSearch) =>
    navigate({ search: (old) => ({ ...old, ...next }), resetScroll: false, replace: true });
  return (
    <>
      <title>Reports · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>Weekly report</h1>
          <p className="sub">{me.data ? `${whose(query, me.data)} · ${weekWords(query.week)}` : "\u00a0"}</p>
        </div>
        {me.data && (
          <ChooseReport
            search={search}
            week={query.week}
            current={current}
            me={me.data}
            groups={groups.data?.items ?? []}
            onChange={change}
          />
        )}
        <Files query={query} />
      </div>
      <div className="content" aria-busy={report.isFetching && report.isPlaceholderData}>
        {report.isError && <Failure error={report.error} what="The report" onRetry={() => report.refetch()} />}
        {report.isPending && (
          <Card title="What the week cost">
            <SkeletonRows what="the report" rows={6} />
          </Card>
        )}
        {report.data && !report.isError && (
          <Body report={report.data} clock={clock} onWeek={(week) => change({ week })} />
        )}
        {me.data && <MailCard me={me.data} />}
        {me.data && (
          <Colophon me={me.data}>
            {report.data && (
              <>
                <span>As of {moment(report.data.overview.as_of, clock)}</span>
                <span>Coverage {coverage(report.data)}</span>
              </>
            )}
          </Colophon>
        )}
      </div>
    </>
  );
}

function whose({ scope, group }: ReportQuery, me: Me): string {
  if (group !== undefined) return `What ${group} and the groups below it paid for`;
  if ((scope ?? (me.user.role === "admin" ? "all" : "own")) === "all") return me.organisation || "All that was spent";
  return "What your own clusters cost";
}

function coverage({ overview }: Report): string {
  return percent(overview.total_nanos > 0 ? 1 - overview.unseen_nanos / overview.total_nanos : undefined);
}

/** The same report to print, and as files. */
function Files({ query }: { query: ReportQuery }) {
  return (
    <>
      <a className="btn" href={reportPrintUrl(query)} target="_blank" rel="noreferrer">
        Print or PDF
      </a>
      {REPORT_FILES.map((format) => (
        <a key={format} className="btn" href={reportFileUrl(query, format)} download>
          <span className="vh">Save as </span>
          {FILE_WORDS[format]}
        </a>
      ))}
    </>
  );
}

interface BodyProps {
  report: Report;
  clock: Clock;
  onWeek: (week: string) => void;
}

function Body({ report, clock, onWeek }: BodyProps) {
  const [how, setHow] = useState<Topic>();
  const [movers, setMovers] = useState<MoverDimension>();
  const { overview } = report;
  const decimals = pageDecimals(Math.max(overview.total_nanos, overview.before_nanos));
  const parts = { overview, decimals, onHow: setHow };
  if (overview.total_nanos === 0 && overview.before_nanos === 0) {
    return (
      <Card title="What the week cost">
        <Empty title="Nothing was spent in this week, nor in the one before.">
          <p className="mute">Choose another week, or whose spend it is.</p>
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <ReportFigures report={report} decimals={decimals} onHow={setHow} />
      <div className="cols">
        <div className="w8 stack">
          <WeeksCard report={report} decimals={decimals} onWeek={onWeek} />
          <div className="cols">
            <SplitCard {...parts} />
            <PayersCard {...parts} />
          </div>
        </div>
        <div className="w4 stack">
          <MendCard {...parts} />
          <AnomaliesCard {...parts} />
        </div>
      </div>
      <div className="cols">
        <LinesCard {...parts} />
        <MoversCard {...parts} by={movers} onBy={setMovers} />
      </div>
      {how && <HowDialog overview={overview} about={how} clock={clock} onClose={() => setHow(undefined)} />}
    </>
  );
}
