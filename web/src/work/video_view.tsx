/** The picture, the number of the frame on it, and the magnifier. */

import { useEffect, useRef, useState } from "react";
import { formatTimecode } from "../player/timecode";
import { usePlayer, useWork } from "./context";

const ZOOM = 3;

export function VideoView({ isMagnified, onMagnify }: { isMagnified: boolean; onMagnify: () => void }) {
  const { video, map, pass } = useWork();
  const { frame, isConfirmed, shown, isPlaying } = usePlayer();
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    video.className = "video";
    video.setAttribute("aria-label", `Video of ${pass.item.record.name}`);
    holder.current!.prepend(video);
  }, [video, pass]);
  const certainty = isConfirmed ? "confirmed" : isPlaying ? "playing" : "not confirmed yet";
  return (
    <div className="video-holder" ref={holder}>
      {isMagnified && <Magnifier video={video} />}
      <div className={isConfirmed ? "readout confirmed" : "readout"}>
        <span className="readout-frame">{frame ?? "–"}</span>
        <span className="readout-time">{shown === null ? "" : formatTimecode(map.recordMs[shown]!)}</span>
        <span className="readout-state">{certainty}</span>
      </div>
      <button type="button" className="magnify" aria-pressed={isMagnified} title="Magnifier (M)" onClick={onMagnify}>Magnifier</button>
    </div>
  );
}

/** Three times as large, around the pointer; the arrow keys with Alt move it for those without one. */
function Magnifier({ video }: { video: HTMLVideoElement }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [centre, setCentre] = useState<readonly [number, number]>([0.5, 0.5]);
  const latest = useRef(centre);
  latest.current = centre;
  useEffect(() => {
    const onPointer = (event: PointerEvent): void => {
      const box = video.getBoundingClientRect();
      const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height] as const;
      if (place.every((share) => share >= 0 && share <= 1)) setCentre(place);
    };
    const onKey = (event: KeyboardEvent): void => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!event.altKey || way === undefined) return;
      event.preventDefault();
      const clamp = (share: number): number => Math.min(1, Math.max(0, share));
      setCentre(([x, y]) => [clamp(x + way[0]! * 0.05), clamp(y + way[1]! * 0.05)]);
    };
    window.addEventListener("pointermove", onPointer);
    window.addEventListener("keydown", onKey);
    let due = 0;
    const draw = (): void => {
      due = requestAnimationFrame(draw);
      const element = canvas.current;
      const context = element?.getContext("2d");
      if (element == null || context == null || video.videoWidth === 0) return;
      const [width, height] = [video.videoWidth / ZOOM, video.videoHeight / ZOOM];
      const x = Math.min(video.videoWidth - width, Math.max(0, latest.current[0] * video.videoWidth - width / 2));
      const y = Math.min(video.videoHeight - height, Math.max(0, latest.current[1] * video.videoHeight - height / 2));
      context.drawImage(video, x, y, width, height, 0, 0, element.width, element.height);
    };
    draw();
    return () => {
      cancelAnimationFrame(due);
      window.removeEventListener("pointermove", onPointer);
      window.removeEventListener("keydown", onKey);
    };
  }, [video]);
  return <canvas ref={canvas} className="magnifier" width={480} height={Math.round((480 * 9) / 16)} role="img" aria-label="The picture, three times as large; Alt and arrow keys move it" />;
}
