import type { Group, Me } from "#/api/schema";
import { type ReportSearch, SCOPES } from "#/features/reports/search";
import { weekBy, weeksUpTo, weekWords } from "#/features/reports/weeks";
import { readable, SCOPE_WORDS, searchOf, usualScope } from "#/features/reports/whose";
import { Button } from "#/ui/controls";

interface ChooseReportProps {
  search: ReportSearch;
  week: string;
  current: string;
  me: Me;
  groups: readonly Group[];
  onChange: (next: ReportSearch) => void;
}

/** Chooses whose report of which week it is. */
export function ChooseReport({ search, week, current, me, groups, onChange }: ChooseReportProps) {
  const weeks = weeksUpTo(current);
  const mine = readable(groups, me);
  const whose = search.group ?? search.scope ?? usualScope(me);
  const toWeek = (next: string) => onChange({ week: next === weekBy(current, -1) ? undefined : next });
  return (
    <>
      <select
        className="field"
        aria-label="Whose spend"
        value={whose}
        onChange={(event) => onChange(searchOf(event.target.value, me))}
      >
        {SCOPES.filter((scope) => scope !== "all" || me.user.role === "admin").map((scope) => (
          <option key={scope} value={scope}>
            {SCOPE_WORDS[scope]}
          </option>
        ))}
        {search.group !== undefined && !mine.some(({ path }) => path === search.group) && (
          <option value={search.group}>{search.group}</option>
        )}
        {mine.length > 0 && (
          <optgroup label="Groups">
            {mine.map(({ id, path }) => (
              <option key={id} value={path}>
                {path}
              </option>
            ))}
          </optgroup>
        )}
      </select>
      <Button aria-label="The week before" onClick={() => toWeek(weekBy(week, -1))}>
        ‹
      </Button>
      <select className="field" aria-label="Week" value={week} onChange={(event) => toWeek(event.target.value)}>
        {!weeks.includes(week) && <option value={week}>{weekWords(week)}</option>}
        {weeks.map((known) => (
          <option key={known} value={known}>
            {weekWords(known)}
          </option>
        ))}
      </select>
      <Button aria-label="The week after" disabled={week >= current} onClick={() => toWeek(weekBy(week, 1))}>
        ›
      </Button>
    </>
  );
}
