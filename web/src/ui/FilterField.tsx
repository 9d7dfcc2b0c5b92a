import { useEffect, useRef, useState } from "react";
import { useSlashFocus } from "#/ui/shortcut";

interface FilterFieldProps {
  /** What the address holds. */
  value: string;
  label: string;
  placeholder: string;
  /** Whether `/` puts the cursor here: of one field on a page. */
  slash?: boolean;
  /** The id of what says why the text is refused, where it is. */
  describedBy?: string | undefined;
  invalid?: boolean;
  onChange: (value: string) => void;
}

/**
 * A search field whose text lives in the address. While someone types, their text leads and the address follows, a moment later; the
 * address leads again once they have left the field.
 */
export function FilterField({ value, label, placeholder, slash = false, onChange, ...rest }: FilterFieldProps) {
  const [text, setText] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  useSlashFocus(field, slash);
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
      aria-describedby={rest.describedBy}
      aria-invalid={rest.invalid || undefined}
      aria-keyshortcuts={slash ? "/" : undefined}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(event.target.value);
      }}
    />
  );
}
