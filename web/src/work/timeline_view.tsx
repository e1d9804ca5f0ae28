/** The timeline on the page: what the log holds, as lanes of bars. */

import { useEffect, useMemo, useRef, type RefObject } from "react";
import { useWaveform, type WaveformData } from "../api/queries";
import { listSegments } from "../commands/marking";
import type { Segment } from "../commands/model";
import type { Colours, Lane, LaneBar } from "../timeline/draw";
import { Timeline, type TimelineData } from "../timeline/timeline";
import { getPlace, useEditor, useLog, usePlayer, useWork } from "./context";
import { listGhosts } from "./ghosts";

export const useTimelineHandle = (): RefObject<Timeline | null> => useRef<Timeline | null>(null);

type Describe = (segment: Segment) => Pick<LaneBar, "text" | "hue">;

export function TimelineView({ handle, describe, canMark }: { handle: RefObject<Timeline | null>; describe: Describe; canMark: boolean }) {
  const { pass, map, player, editor, clip } = useWork();
  const canvas = useRef<HTMLCanvasElement>(null);
  const data = useTimelineData(describe, canMark);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const [startMs, endMs] = [Math.max(pass.item.start_ms, clip.start_ms), Math.min(pass.item.end_ms, clip.end_ms)];
    const timeline = new Timeline(
      canvas.current!, startMs, endMs,
      { getFrame: (ms) => map.frames[map.findIndexOfRecordMs(ms)]!, getMs: (frame) => map.getRecordMs(frame) },
      {
        onSeek: (ms) => void player.seek(map.findIndexOfRecordMs(ms)),
        onSelect: (id, lane) => editor.select(lane === "ghosts" ? null : id, false),
        onDrag: (frame) => void player.seekRecordFrame(frame),
        onMoveEdge: (edge, moves) => void editor.dropEdge(edge, moves, moves[0]!.end_frame === edge.frame ? moves[0]!.start_frame : moves[0]!.end_frame),
      },
      readColours, latest.current,
    );
    handle.current = timeline;
    return () => {
      handle.current = null;
      timeline.close();
    };
  }, [pass, clip, map, player, editor, handle]);
  useEffect(() => { handle.current?.update(data); }, [data, handle]);
  useEffect(() => {
    const observer = new MutationObserver(() => handle.current?.schedule());
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, [handle]);
  return (
    <canvas ref={canvas} className="timeline" role="img"
      aria-label={`Timeline with ${data.lanes[0]?.bars.length ?? 0} segments; the same are listed beside the video`} />
  );
}

function useTimelineData(describe: Describe, canMark: boolean): TimelineData {
  const { pass, map, clip } = useWork();
  const { content } = useLog();
  const { selectedId, openMark } = useEditor();
  const { shown, frame, isConfirmed } = usePlayer();
  const wave = useWaveform(clip.waveform_url);
  const waveform = useMemo(() => (wave.data === undefined ? null : readWave(wave.data, map.recordMs[0]!)), [wave.data, map]);
  const lanes = useMemo(() => {
    const { level } = getPlace(pass);
    const bars = (segments: Segment[]): LaneBar[] =>
      segments.map((one) => ({ ...one, ...describe(one), isDiscarded: one.discard !== null }));
    const made: Lane[] = [{ id: level, title: level === "action" ? "routines" : "sub-actions", bars: bars(listSegments(content, level)), isEditable: canMark }];
    const stages = listSegments(content, "stage");
    if (stages.length > 0) made.push({ id: "stage", title: "stages", bars: stages.map((one, k) => ({ ...one, text: one.label ?? `stage ${k + 1}`, hue: null })), isEditable: canMark });
    if (pass.suggestions.length > 0) {
      const ghosts = listGhosts(pass.suggestions, content);
      made.push({ id: "ghosts", title: "suggestions", isEditable: false, bars: ghosts.map((one) => ({ ...one, ...describe({ ...one, is_no_element: false } as unknown as Segment), isGhost: true })) });
    }
    return made;
  }, [content, pass, describe, canMark]);
  return useMemo(() => ({
    lanes, selectedId, waveform, isConfirmed,
    playheadMs: shown === null ? null : map.recordMs[shown]!, playheadFrame: frame,
    markMs: openMark === null ? null : map.getRecordMs(openMark.frame), bounds: [pass.item.start_frame, pass.item.end_frame] as const,
  }), [lanes, selectedId, waveform, isConfirmed, shown, frame, openMark, map, pass]);
}

function readWave(data: WaveformData, startMs: number): TimelineData["waveform"] {
  const count = data.data.length / 2;
  const scale = data.bits === 8 ? 128 : 32_768;
  return {
    startMs, msPerPoint: (1000 * data.samples_per_pixel) / data.sample_rate,
    low: Float32Array.from({ length: count }, (_, k) => data.data[2 * k]! / scale),
    high: Float32Array.from({ length: count }, (_, k) => data.data[2 * k + 1]! / scale),
  };
}

function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    background: read("--surface"), lane: read("--sunken"), text: read("--text"), faint: read("--faint"), line: read("--line"),
    accent: read("--accent"), warning: read("--warning"), unlabelled: read("--unlabelled"), onHue: read("--on-hue"),
    hues: Array.from({ length: 10 }, (_, k) => read(`--hue-${k}`)),
  };
}
