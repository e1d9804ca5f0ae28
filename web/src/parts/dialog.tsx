/** A question that has to be answered before the work goes on: the browser's own modal dialog, which keeps the focus. */

import { useEffect, useRef, type ReactNode } from "react";

export function Dialog({ title, onClose, children, isWide = false }: {
  title: string; onClose: () => void; children: ReactNode; isWide?: boolean;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    // The browser focuses the first control, which is the one that closes; who is asked to type wants to type.
    dialog.querySelector<HTMLElement>("input:not([type=checkbox]), textarea, select")?.focus();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={element} className={isWide ? "dialog wide" : "dialog"} aria-label={title}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onClick={(event) => { if (event.target === element.current) onClose(); }}
    >
      <div className="dialog-inner">
        <div className="dialog-head">
          <h2>{title}</h2>
          <button type="button" className="quiet" onClick={onClose} aria-label="Close">✕</button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
