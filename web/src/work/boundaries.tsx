/** Both edges of the selected segment as pictures: the frame before and the frame after each, side by side. */

import { useEffect, useRef } from "react";
import { formatLength } from "../player/timecode";
import { useEditor, useLog, useWork } from "./context";

export function Boundaries() {
  const { map } = useWork();
  const { selectedId } = useEditor();
  const { content } = useLog();
  const segment = selectedId === null ? undefined : content.segments.get(selectedId);
  if (segment === undefined) {
    return <div className="boundaries empty-boundaries"><p className="faint">Select a segment to see the frames around its start and its end.</p></div>;
  }
  const start = map.findIndexOfRecordFrame(segment.start_frame);
  const last = map.findIndexOfRecordFrame(segment.end_frame - 1);
  return (
    <div className="boundaries">
      <Edge title="Start" left={{ index: start - 1, what: "before" }} right={{ index: start, what: "first" }} />
      <p className="boundary-length"><span>{formatLength(segment.end_ms - segment.start_ms)}</span><span className="faint">{segment.end_frame - segment.start_frame} frames</span></p>
      <Edge title="End" left={{ index: last, what: "last" }} right={{ index: last + 1, what: "after" }} />
    </div>
  );
}

interface Side {
  readonly index: number;
  readonly what: string;
}

function Edge({ title, left, right }: { title: string; left: Side; right: Side }) {
  return (
    <figure className="edge" aria-label={title}>
      <Frame {...left} isInside={left.what === "last"} />
      <Frame {...right} isInside={right.what === "first"} />
    </figure>
  );
}

function Frame({ index, what, isInside }: Side & { isInside: boolean }) {
  const { map, player, clip } = useWork();
  const exists = index >= 0 && index < map.count;
  return (
    <button type="button" className={isInside ? "still inside" : "still"} disabled={!exists} onClick={() => void player.seek(index)}>
      <span className="visually-hidden">{exists ? "Go to the frame" : "None in this chunk:"}</span>
      {exists ? <Still index={index} ratio={clip.width / clip.height} /> : <span className="still-none">–</span>}
      <span className="still-text"><span>{what}</span><span>{exists ? map.frames[index] : ""}</span></span>
    </button>
  );
}

/** One exact frame, decoded beside the player. */
export function Still({ index, ratio }: { index: number; ratio: number }) {
  const { stills } = useWork();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let isCurrent = true;
    const element = canvas.current!;
    element.dataset["state"] = "waiting";
    void stills.get(index).then((picture) => {
      if (!isCurrent) return;
      element.dataset["state"] = picture === null ? "missing" : "shown";
      if (picture !== null) element.getContext("2d")?.drawImage(picture, 0, 0, element.width, element.height);
    });
    return () => { isCurrent = false; };
  }, [stills, index]);
  return <canvas ref={canvas} width={Math.round(120 * ratio)} height={120} aria-hidden="true" />;
}
