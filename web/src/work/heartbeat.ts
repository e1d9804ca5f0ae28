/** While somebody works, the server is told so: the item stays theirs, and the time at work is known. */

import { useEffect } from "react";
import { post } from "../api/client";
import { useWork } from "./context";

const BEAT_MS = 30_000;
/** Without a key or a pointer for so long, nobody is at work. */
const IDLE_MS = 60_000;

export function useHeartbeat(): void {
  const { pass } = useWork();
  useEffect(() => {
    if (!pass.is_mine || !pass.can_write) return;
    let lastTouch = performance.now();
    let lastBeat = performance.now();
    const touch = (): void => { lastTouch = performance.now(); };
    const beat = (): void => {
      const now = performance.now();
      const activeMs = Math.round(Math.max(0, Math.min(now, lastTouch + IDLE_MS) - lastBeat));
      lastBeat = now;
      if (activeMs > 0) post(`/passes/${pass.id}/heartbeat`, { active_ms: activeMs }).catch(() => undefined); // the log says when the server is away
    };
    const events = ["keydown", "pointermove", "pointerdown"] as const;
    for (const event of events) window.addEventListener(event, touch, { passive: true });
    const timer = setInterval(beat, BEAT_MS);
    return () => {
      clearInterval(timer);
      beat();
      for (const event of events) window.removeEventListener(event, touch);
    };
  }, [pass]);
}
