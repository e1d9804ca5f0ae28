/** Why a segment is of no use: one key a reason. */

import { useEffect } from "react";
import type { Discard } from "../commands/model";
import { Dialog } from "../parts/dialog";
import { useWork } from "./context";

const REASONS: readonly { reason: Discard; title: string; what: string }[] = [
  { reason: "interrupted", title: "Interrupted", what: "a fall or a stop: it is not complete" },
  { reason: "replay", title: "Replay", what: "shown a second time, often slowly" },
  { reason: "occluded", title: "Occluded", what: "the gymnast cannot be seen for a part of it" },
  { reason: "cut-away", title: "Cut away", what: "the broadcast shows something else meanwhile" },
];

export function DiscardDialog({ onClose }: { onClose: () => void }) {
  const { editor } = useWork();
  const segment = editor.getSelected();
  const choose = (reason: Discard | null): void => {
    void editor.discard(reason);
    onClose();
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const at = Number(event.key);
      if (at >= 1 && at <= REASONS.length) choose(REASONS[at - 1]!.reason);
      else if (event.key === "0") choose(null);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
  return (
    <Dialog title="Discard this segment" onClose={onClose}>
      <p className="faint">It stays on the timeline, marked, and is left out of the dataset.</p>
      <div className="choices">
        {REASONS.map(({ reason, title, what }, k) => (
          <button key={reason} type="button" aria-pressed={segment?.discard === reason} onClick={() => choose(reason)}>
            <kbd>{k + 1}</kbd><span><strong>{title}</strong><span className="faint">{what}</span></span>
          </button>
        ))}
        {segment?.discard != null && <button type="button" onClick={() => choose(null)}><kbd>0</kbd><span><strong>Keep it after all</strong></span></button>}
      </div>
    </Dialog>
  );
}
