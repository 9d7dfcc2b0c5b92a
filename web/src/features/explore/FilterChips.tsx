import { type FormEvent, useId, useState } from "react";
import { DIMENSIONS, type Dimension, titleOf } from "#/features/explore/dimensions";
import type { Filter } from "#/features/explore/search";
import { filterWords, isMono } from "#/features/explore/words";
import { Button } from "#/ui/controls";

interface FilterChipsProps {
  filters: readonly Filter[];
  names: Readonly<Record<string, string>>;
  onChange: (next: readonly Filter[]) => void;
}

/** What is left out of the figures, each of which can be let go of, and a way to add one. */
export function FilterChips({ filters, names, onChange }: FilterChipsProps) {
  const [adding, setAdding] = useState(false);
  return (
    <div className="chips">
      {filters.length > 0 && (
        <ul aria-label="Filters">
          {filters.map((filter, index) => (
            <li key={`${filter.dimension} ${filter.values.join(",")}`} className="tag chip">
              {titleOf(filter.dimension)}:{" "}
              <span className={isMono(filter.dimension) ? "mono strong" : "strong"}>{filterWords(filter, names)}</span>
              <button
                type="button"
                className="plain"
                aria-label={`Remove the filter ${titleOf(filter.dimension)}: ${filterWords(filter, names)}`}
                onClick={() => onChange(filters.filter((_, at) => at !== index))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {adding ? (
        <AddFilter
          onAdd={(filter) => {
            setAdding(false);
            onChange([...filters, filter]);
          }}
          onCancel={() => setAdding(false)}
        />
      ) : (
        <Button small onClick={() => setAdding(true)}>
          Add a filter…
        </Button>
      )}
      {filters.length > 1 && (
        <Button small onClick={() => onChange([])}>
          Clear all
        </Button>
      )}
    </div>
  );
}

function AddFilter({ onAdd, onCancel }: { onAdd: (filter: Filter) => void; onCancel: () => void }) {
  const what = useId();
  const value = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    onAdd({ dimension: String(data.get("dimension")) as Dimension, values: [String(data.get("value")).trim()] });
  };
  return (
    <form className="days" onSubmit={submit} aria-label="Add a filter">
      <label className="vh" htmlFor={what}>
        What to filter by
      </label>
      <select id={what} className="field" name="dimension" defaultValue="user">
        {DIMENSIONS.map((dimension) => (
          <option key={dimension} value={dimension}>
            {titleOf(dimension)}
          </option>
        ))}
      </select>
      <label className="vh" htmlFor={value}>
        Value to keep
      </label>
      <input
        id={value}
        className="field"
        name="value"
        placeholder="value, or beginning*"
        // biome-ignore lint/a11y/noAutofocus: it appears because the reader asked for it.
        autoFocus
        autoComplete="off"
      />
      <Button type="submit" small>
        Add
      </Button>
      <Button small onClick={onCancel}>
        Cancel
      </Button>
    </form>
  );
}
