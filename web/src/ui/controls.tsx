import { type ButtonHTMLAttributes, type ReactNode, useEffect, useState } from "react";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { look?: "primary" | "danger"; small?: boolean };

/** A button; a type other than "button" must be asked for, so that none submits a form by accident. */
export function Button({ look, small, className, type = "button", ...rest }: ButtonProps) {
  const classes = ["btn", look, small && "small", className].filter(Boolean).join(" ");
  return <button {...rest} type={type} className={classes} />;
}

/** Copies text and says so for a moment. */
export function CopyButton({ text, label = "Copy", primary }: { text: string; label?: string; primary?: boolean }) {
  const [said, setSaid] = useState<string>();
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(undefined), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setSaid("Copied"),
      () => setSaid("Select it and copy"),
    );
  return (
    <Button small {...(primary ? { look: "primary" as const } : {})} onClick={copy}>
      <span aria-live="polite">{said ?? label}</span>
    </Button>
  );
}

/** A figure that opens how it was computed. */
export function Fig({ children, label, onOpen }: { children: ReactNode; label: string; onOpen: () => void }) {
  return (
    <button
      type="button"
      className="fig"
      aria-haspopup="dialog"
      title={`How is this computed? ${label}`}
      onClick={onOpen}
    >
      {children}
    </button>
  );
}

/** One of a few, side by side. */
export function Segments<T extends string>(props: {
  legend: string;
  name: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className="seg">
      <legend className="vh">{props.legend}</legend>
      {props.options.map(([value, words]) => (
        <label key={value}>
          <input
            type="radio"
            name={props.name}
            checked={props.value === value}
            onChange={() => props.onChange(value)}
          />
          {words}
        </label>
      ))}
    </fieldset>
  );
}
