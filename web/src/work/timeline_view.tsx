/** The timeline on the page: what the log holds, as lanes of bars. */

import { useEffect, useMemo, useRef, type RefObject } from "react";
import { useWaveform, type WaveformData } from "../api/queries";
import type { Adjudication, Feedback } from "../api/quality_types";
import { listSegments } from "../commands/marking";
import type { Segment } from "../commands/model";
import { listMarked } from "../quality/differences";
import type { Colours, Lane, LaneBar } from "../timeline/draw";
import { Timeline, type TimelineData } from "../timeline/timeline";
import { getPlace, useEditor, useLog, usePlayer, useWork } from "./context";
import { useExamFeedback } from "./exam_box";
import { listGhosts } from "./ghosts";

export const useTimelineHandle = (): RefObject<Timeline | null> => useRef<Timeline | null>(null);

type Describe = (segment: Segment) => Pick<LaneBar, "text" | "hue">;

/** `onLane` is told when a bar of somebody else's pass is pointed at. */
export function TimelineView({ handle, describe, canMark, onLane }: {
  handle: RefObject<Timeline | null>; describe: Describe; canMark: boolean; onLane?: ((passId: string, segmentId: string) => void) | undefined;
}) {
  const { pass, map, player, editor, clip } = useWork();
  const canvas = useRef<HTMLCanvasElement>(null);
  const data = useTimelineData(describe, canMark);
  const latest = useRef({ data, onLane });
  latest.current = { data, onLane };
  useEffect(() => {
    const [startMs, endMs] = [Math.max(pass.item.start_ms, clip.start_ms), Math.min(pass.item.end_ms, clip.end_ms)];
    const timeline = new Timeline(
      canvas.current!, startMs, endMs,
      { getFrame: (ms) => map.frames[map.findIndexOfRecordMs(ms)]!, getMs: (frame) => map.getRecordMs(frame) },
      {
        onSeek: (ms) => void player.seek(map.findIndexOfRecordMs(ms)),
        onSelect: (id, lane) => {
          if (lane.startsWith(LANE_OF_PASS)) {
            if (id !== null) latest.current.onLane?.(lane.slice(LANE_OF_PASS.length), id);
          } else editor.select(["ghosts", "gold"].includes(lane) ? null : id, false);
        },
        onDrag: (frame) => void player.seekRecordFrame(frame),
        onMoveEdge: (edge, moves) => void editor.dropEdge(edge, moves, moves[0]!.end_frame === edge.frame ? moves[0]!.start_frame : moves[0]!.end_frame),
      },
      readColours, latest.current.data,
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

const LANE_OF_PASS = "pass:";

function useTimelineData(describe: Describe, canMark: boolean): TimelineData {
  const { pass, map, clip, adjudication } = useWork();
  const { content } = useLog();
  const feedback = useExamFeedback().data;
  const { selectedId, openMark } = useEditor();
  const { shown, frame, isConfirmed } = usePlayer();
  const wave = useWaveform(clip.waveform_url);
  const waveform = useMemo(() => (wave.data === undefined ? null : readWave(wave.data, map.recordMs[0]!)), [wave.data, map]);
  const lanes = useMemo(() => {
    const { level } = getPlace(pass);
    const bars = (segments: Segment[]): LaneBar[] =>
      segments.map((one) => ({ ...one, ...describe(one), isDiscarded: one.discard !== null }));
    const isOne = adjudication === null && !(content.isSignedOff && feedback !== undefined);
    const title = adjudication !== null ? "the result" : isOne ? (level === "action" ? "routines" : "sub-actions") : pass.is_mine ? "your answer" : `the answer of ${pass.person.name}`;
    const made: Lane[] = [{ id: level, title, bars: bars(listSegments(content, level)), isEditable: canMark, isTitled: !isOne }];
    const stages = listSegments(content, "stage");
    if (stages.length > 0) made.push({ id: "stage", title: "stages", bars: stages.map((one, k) => ({ ...one, text: one.label ?? `stage ${k + 1}`, hue: null })), isEditable: canMark });
    if (pass.suggestions.length > 0) {
      const ghosts = listGhosts(pass.suggestions, content);
      made.push({ id: "ghosts", title: "suggestions", isEditable: false, bars: ghosts.map((one) => ({ ...one, ...describe({ ...one, is_no_element: false } as unknown as Segment), isGhost: true })) });
    }
    if (adjudication !== null) made.push(...listPassLanes(adjudication, level, bars));
    else if (!isOne && feedback !== undefined) made.push({ id: "gold", title: "what is right", isEditable: false, isTitled: true, bars: listGoldBars(feedback, bars) });
    return made;
  }, [content, pass, describe, canMark, adjudication, feedback]);
  return useMemo(() => ({
    lanes, selectedId, waveform, isConfirmed,
    playheadMs: shown === null ? null : map.recordMs[shown]!, playheadFrame: frame,
    markMs: openMark === null ? null : map.getRecordMs(openMark.frame), bounds: [pass.item.start_frame, pass.item.end_frame] as const,
  }), [lanes, selectedId, waveform, isConfirmed, shown, frame, openMark, map, pass]);
}

/** Each pass as a lane; what differs is underlined. */
function listPassLanes(adjudication: Adjudication, level: string, bars: (segments: Segment[]) => LaneBar[]): Lane[] {
  return adjudication.lanes.map((lane) => {
    const marked = listMarked(adjudication, lane);
    const segments = lane.segments.filter((one) => one.level === level).sort((left, right) => left.start_frame - right.start_frame);
    return {
      id: `${LANE_OF_PASS}${lane.pass_id}`, title: lane.name === lane.person.name ? lane.name : `${lane.name}: ${lane.person.name}`, isEditable: false, isTitled: true,
      bars: bars(segments as unknown as Segment[]).map((bar) => ({ ...bar, isMarked: marked.has(bar.id) })),
    };
  });
}

/** The gold segments of a training question that was answered. */
function listGoldBars(feedback: Feedback, bars: (segments: Segment[]) => LaneBar[]): LaneBar[] {
  const gold = feedback.units.flatMap((unit, k) => (unit.gold === null ? [] : [{ ...unit.gold, id: `gold-${k}`, is_no_element: false, isMarked: unit.verdict !== "right" }]));
  const inOrder = gold.sort((left, right) => left.start_frame - right.start_frame);
  return bars(inOrder as unknown as Segment[]);
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
