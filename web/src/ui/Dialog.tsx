import { type ReactNode, useEffect, useId, useRef } from "react";

/**
 * A modal dialog. The browser's own element gives it the focus trap and Esc; render it only while it is open, so that what is typed in it
 * starts fresh each time and no refetch can touch it.
 */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const leaving = useRef(false);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const opener = document.activeElement;
    leaving.current = false;
    dialog.showModal();
    return () => {
      leaving.current = true;
      dialog.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // A second Esc closes it without asking. Our own closing is not the reader's, nor is that of React's strict mode, which opens it again.
      onClose={() => {
        if (!leaving.current && !ref.current?.open) onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === ref.current && outside(event, ref.current)) onClose();
      }}
    >
      <div>
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** A press on the backdrop has the dialog as its target, but lies outside its box. */
function outside(event: { clientX: number; clientY: number }, box: Element): boolean {
  const { left, right, top, bottom } = box.getBoundingClientRect();
  return event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
}
