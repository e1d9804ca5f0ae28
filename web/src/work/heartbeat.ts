/** While somebody works, the server is told so: the item stays theirs, and the time at work is known. */

import { useEffect, useState } from "react";
import { post } from "../api/client";
import { useWork } from "./context";

interface Beat {
  readonly lease: { readonly state: "held" | "expired" | "lost" };
}

const BEAT_MS = 30_000;
/** Without a key or a pointer for so long, nobody is at work. */
const IDLE_MS = 60_000;

/** Whether others have taken the place; what is done still counts. */
export function useHeartbeat(): boolean {
  const { pass } = useWork();
  const [isLost, setIsLost] = useState(pass.is_mine && pass.lease.state === "lost");
  useEffect(() => {
    if (!pass.is_mine || !pass.can_write) return;
    let lastTouch = performance.now();
    let lastBeat = performance.now();
    const touch = (): void => { lastTouch = performance.now(); };
    const beat = (): void => {
      const now = performance.now();
      const activeMs = Math.round(Math.max(0, Math.min(now, lastTouch + IDLE_MS) - lastBeat));
      lastBeat = now;
      if (activeMs === 0) return;
      post<Beat>(`/passes/${pass.id}/heartbeat`, { active_ms: activeMs }, { keepsAlive: true })
        .then((told) => setIsLost(told.lease.state === "lost"))
        .catch(() => undefined); // the save state says when the server is away
    };
    const events = ["keydown", "pointermove", "pointerdown"] as const;
    for (const event of events) window.addEventListener(event, touch, { passive: true });
    const timer = setInterval(beat, BEAT_MS);
    window.addEventListener("pagehide", beat); // a tab that is closed or left for another address
    return () => {
      clearInterval(timer);
      window.removeEventListener("pagehide", beat);
      beat();
      for (const event of events) window.removeEventListener(event, touch);
    };
  }, [pass]);
  return isLost;
}
