/** A short piece of an item's video, in a loop and without controls: to see at a glance what people differ about. */

import { useEffect, useMemo, useRef } from "react";
import { useItemMedia } from "../api/quality_queries";
import { useFrameMap } from "../api/queries";
import { FrameMap } from "../player/frame_map";
import { describeError } from "./feedback";

/** Frames of the record, half-open. Half a second of what is around it helps to see it. */
const AROUND_S = 0.5;
/** Who wants nothing to move gets the frame in the middle, and plays it by a click. */
const IS_STILL = window.matchMedia("(prefers-reduced-motion: reduce)");

export function ClipLoop({ item, startFrame, endFrame, title }: { item: string; startFrame: number; endFrame: number; title: string }) {
  const media = useItemMedia(item, true);
  const clip = media.data?.clips.find((one) => one.start_frame <= startFrame && startFrame < one.end_frame);
  const data = useFrameMap(clip?.map_url);
  const map = useMemo(() => (data.data === undefined ? null : new FrameMap(data.data)), [data.data]);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null || map === null) return;
    const from = Math.max(0, map.timesS[map.findIndexOfRecordFrame(startFrame)]! - AROUND_S);
    const to = map.timesS[map.findIndexOfRecordFrame(endFrame - 1)]! + AROUND_S;
    const turn = (): void => { if (element.currentTime >= to || element.ended) { element.currentTime = from; void element.play().catch(() => undefined); } };
    const begin = (): void => { element.currentTime = IS_STILL.matches ? (from + to) / 2 : from; };
    if (element.readyState > 0) begin();
    element.addEventListener("loadedmetadata", begin);
    element.addEventListener("timeupdate", turn);
    element.addEventListener("ended", turn);
    return () => {
      element.removeEventListener("loadedmetadata", begin);
      element.removeEventListener("timeupdate", turn);
      element.removeEventListener("ended", turn);
    };
  }, [map, startFrame, endFrame]);
  const error = media.error ?? data.error;
  if (error !== null) return <p className="clip-none warn" role="alert">{describeError(error)}</p>;
  if (media.data !== undefined && clip === undefined) return <p className="clip-none faint">There is no proxy of this piece to play.</p>;
  if (clip === undefined || map === null) return <p className="clip-none faint" role="status">Loading …</p>;
  const toggle = (): void => { const element = video.current!; if (element.paused) void element.play().catch(() => undefined); else element.pause(); };
  return (
    <button type="button" className="clip" onClick={toggle} aria-label={`Play or pause: ${title}`}>
      <video ref={video} src={clip.url} muted playsInline preload="metadata" autoPlay={!IS_STILL.matches} aria-hidden="true" tabIndex={-1} />
    </button>
  );
}
