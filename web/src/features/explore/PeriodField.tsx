import { type FormEvent, useId, useState } from "react";
import { DEFAULT_PERIOD, PERIOD_WORDS, PERIODS, type Period, type PeriodSearch, type Span } from "#/lib/period";
import { Button } from "#/ui/controls";

interface PeriodFieldProps {
  span: Span;
  onChange: (next: PeriodSearch) => void;
}

const OWN = "own";

/** Which time is asked about: one of the usual periods, or any days. */
export function PeriodField({ span, onChange }: PeriodFieldProps) {
  const choice = useId();
  const first = useId();
  const last = useId();
  const [own, setOwn] = useState(span.period === undefined);
  const choose = (value: string) => {
    setOwn(value === OWN);
    if (value === OWN) onChange({ period: undefined, from: span.from, to: span.to });
    else onChange({ period: value === DEFAULT_PERIOD ? undefined : (value as Period), from: undefined, to: undefined });
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const [from, to] = [String(data.get("from")), String(data.get("to"))];
    onChange(from <= to ? { period: undefined, from, to } : { period: undefined, from: to, to: from });
  };
  const chosen = own || span.period === undefined ? OWN : span.period;
  return (
    <>
      <label className="vh" htmlFor={choice}>
        Period
      </label>
      <select id={choice} className="field" value={chosen} onChange={(event) => choose(event.target.value)}>
        {PERIODS.map((period) => (
          <option key={period} value={period}>
            {PERIOD_WORDS[period]}
          </option>
        ))}
        <option value={OWN}>Other days…</option>
      </select>
      {chosen === OWN && (
        // Keyed by what the address holds, so that going back fills the fields again.
        <form className="days" onSubmit={submit} key={`${span.from} ${span.to}`} aria-label="Days">
          <label className="vh" htmlFor={first}>
            First day
          </label>
          <input id={first} className="field" type="date" name="from" required defaultValue={span.from} />
          <span className="mute" aria-hidden="true">
            to
          </span>
          <label className="vh" htmlFor={last}>
            Last day
          </label>
          <input id={last} className="field" type="date" name="to" required defaultValue={span.to} />
          <Button type="submit" small>
            Show
          </Button>
        </form>
      )}
    </>
  );
}
