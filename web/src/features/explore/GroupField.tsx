import { useId } from "react";
import { DIMENSIONS, type Dimension, titleOf } from "#/features/explore/dimensions";

interface GroupFieldProps {
  by: readonly Dimension[];
  /** How many there may be. */
  most: number;
  onChange: (by: readonly Dimension[]) => void;
}

const ORDINALS = ["Group by", "then by", "then by"];

/** What money is grouped by: one dimension, and up to two inside of it. */
export function GroupField({ by, most, onChange }: GroupFieldProps) {
  const id = useId();
  const fields = [...by.keys(), ...(by.length < most ? [by.length] : [])];
  const choose = (at: number, value: string) => {
    const next = by.slice();
    if (value === "") next.splice(at, 1);
    else next[at] = value as Dimension;
    onChange(next);
  };
  return (
    <>
      {fields.map((at) => (
        <span key={at} className="pair">
          <label htmlFor={`${id}-${at}`} className="mute small">
            {ORDINALS[at]}
          </label>
          <select
            id={`${id}-${at}`}
            className="field short"
            value={by[at] ?? ""}
            onChange={(event) => choose(at, event.target.value)}
          >
            {at > 0 && <option value="">–</option>}
            {DIMENSIONS.filter((dimension) => dimension === by[at] || !by.includes(dimension)).map((dimension) => (
              <option key={dimension} value={dimension}>
                {titleOf(dimension)}
              </option>
            ))}
          </select>
        </span>
      ))}
    </>
  );
}
