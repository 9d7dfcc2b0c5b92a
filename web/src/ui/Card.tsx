import type { ReactNode } from "react";

interface CardProps {
  title: string;
  /** Stands beside the title, quietly. */
  aside?: ReactNode;
  /** Stands at the right end of the header. */
  actions?: ReactNode;
  foot?: ReactNode;
  className?: string;
  flush?: boolean;
  id?: string;
  children: ReactNode;
}

/** A titled box. */
export function Card({ title, aside, actions, foot, className, flush, id, children }: CardProps) {
  return (
    <section className={["card", className].filter(Boolean).join(" ")} aria-label={title} id={id}>
      <header>
        <h2>{title}</h2>
        {aside !== undefined && <span className="mute small">{aside}</span>}
        <span className="grow" />
        {actions}
      </header>
      <div className="body" style={flush ? { paddingLeft: 0, paddingRight: 0 } : undefined}>
        {children}
      </div>
      {foot !== undefined && <div className="foot">{foot}</div>}
    </section>
  );
}
