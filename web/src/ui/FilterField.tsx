import { useEffect, useRef, useState } from "react";
import { useSlashFocus } from "#/ui/shortcut";

interface FilterFieldProps {
  /** What the address holds. */
  value: string;
  label: string;
  placeholder: string;
  onChange: (value: string) => void;
}

/**
 * A search field whose text lives in the address. While someone types, their text leads and the address follows, a moment later; the
 * address leads again once they have left the field. `/` puts the cursor here.
 */
export function FilterField({ value, label, placeholder, onChange }: FilterFieldProps) {
  const [text, setText] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  useSlashFocus(field);
  useEffect(() => {
    if (document.activeElement !== field.current) setText(value);
  }, [value]);
  return (
    <input
      className="field"
      ref={field}
      type="search"
      placeholder={placeholder}
      aria-label={label}
      aria-keyshortcuts="/"
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(event.target.value);
      }}
    />
  );
}
