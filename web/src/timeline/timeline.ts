/**
 * The timeline on its canvas: draws when something changed, once a frame of the screen, and turns pointer and wheel into
 * seeking, selecting, zooming and moving edges. It keeps the window in view; everything else is told to it.
 */

import { drawTimeline, LANE, makeLayout, MINIMAP, type Colours, type Lane, type LaneBar, type Picture } from "./draw";
import { findEdge, getLimits, listVisible, moveEdge, snap, type Edge, type EdgeMove } from "./edges";
import { getMs, getX, makeScale, pan, reveal, showWindow, zoom, type Scale } from "./scale";

export interface TimelineData {
  readonly lanes: readonly Lane[];
  readonly selectedId: string | null;
  readonly playheadMs: number | null;
  readonly playheadFrame: number | null;
  readonly isConfirmed: boolean;
  readonly markMs: number | null;
  readonly waveform: Picture["waveform"];
  /** Frames within which segments may lie. */
  readonly bounds: readonly [number, number];
}

export interface TimelineEvents {
  /** A moment was pointed at. */
  onSeek(ms: number): void;
  onSelect(id: string | null, laneId: string): void;
  /** An edge is being dragged over a frame: show it. */
  onDrag(frame: number): void;
  /** An edge was dropped. */
  onMoveEdge(edge: Edge, moves: readonly EdgeMove[], laneId: string): void;
}

interface Clock {
  getFrame(ms: number): number;
  getMs(frame: number): number;
}

type Drag =
  | { readonly kind: "seek" }
  | { readonly kind: "minimap"; readonly offsetMs: number }
  | { readonly kind: "edge"; readonly edge: Edge; readonly lane: Lane; frame: number; hasMoved: boolean };

const REACH_PX = 5;
const SNAP_PX = 7;

export class Timeline {
  private scale: Scale;
  private data: TimelineData;
  private drag: Drag | null = null;
  private isDue = false;
  private context: CanvasRenderingContext2D;
  private observer: ResizeObserver;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    startMs: number,
    endMs: number,
    private readonly clock: Clock,
    private readonly events: TimelineEvents,
    private readonly getColours: () => Colours,
    data: TimelineData,
  ) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    this.data = data;
    this.scale = makeScale(startMs, endMs, Math.max(1, canvas.clientWidth));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    canvas.addEventListener("pointerdown", this.onDown);
    canvas.addEventListener("pointermove", this.onMove);
    canvas.addEventListener("pointerup", this.onUp);
    canvas.addEventListener("pointercancel", this.onCancel);
    canvas.addEventListener("wheel", this.onWheel, { passive: false });
    this.resize();
  }

  close(): void {
    this.observer.disconnect();
    this.canvas.removeEventListener("pointerdown", this.onDown);
    this.canvas.removeEventListener("pointermove", this.onMove);
    this.canvas.removeEventListener("pointerup", this.onUp);
    this.canvas.removeEventListener("pointercancel", this.onCancel);
    this.canvas.removeEventListener("wheel", this.onWheel);
  }

  update(data: TimelineData): void {
    const isMoved = data.playheadMs !== this.data.playheadMs;
    const height = this.getLayout().height;
    this.data = data;
    if (isMoved && data.playheadMs !== null && this.drag === null) this.scale = reveal(this.scale, data.playheadMs);
    if (this.getLayout().height !== height) this.resize();
    this.schedule();
  }

  zoomBy(factor: number): void {
    const middle = (this.scale.viewStartMs + this.scale.viewEndMs) / 2;
    this.scale = zoom(this.scale, factor, this.data.playheadMs ?? middle);
    this.schedule();
  }

  showAll(): void {
    this.scale = showWindow(this.scale, this.scale.startMs, this.scale.endMs);
    this.schedule();
  }

  /** Bring a stretch into view with as much again around it. */
  showRange(startMs: number, endMs: number): void {
    const room = (endMs - startMs) / 2;
    this.scale = showWindow(this.scale, startMs - room, endMs + room);
    this.schedule();
  }

  getScale(): Scale {
    return this.scale;
  }

  /** Draw at once; benchmarks measure it. */
  draw(): void {
    const { data, drag } = this;
    const lanes = drag?.kind === "edge" && drag.hasMoved ? this.showDragged(drag) : data.lanes;
    drawTimeline(this.context, {
      scale: this.scale, lanes, selectedId: data.selectedId, playheadMs: data.playheadMs, isConfirmed: data.isConfirmed,
      markMs: data.markMs, snapMs: drag?.kind === "edge" && drag.hasMoved ? this.clock.getMs(drag.frame) : null,
      colours: this.getColours(), waveform: data.waveform,
    });
  }

  private showDragged(drag: Extract<Drag, { kind: "edge" }>): Lane[] {
    const moved = new Map(moveEdge(drag.edge, drag.frame).map((move) => [move.id, move]));
    const place = (bar: LaneBar): LaneBar => {
      const move = moved.get(bar.id);
      if (move === undefined) return bar;
      return { ...bar, ...move, start_ms: this.clock.getMs(move.start_frame), end_ms: this.clock.getMs(move.end_frame) };
    };
    return this.data.lanes.map((lane) => (lane.id === drag.lane.id ? { ...lane, bars: lane.bars.map(place) } : lane));
  }

  schedule = (): void => {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  };

  private getLayout(): ReturnType<typeof makeLayout> {
    return makeLayout(this.data.lanes, this.data.waveform !== null);
  }

  private resize(): void {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, this.canvas.clientWidth);
    const { height } = this.getLayout();
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.scale = { ...this.scale, width };
    this.draw();
  }

  private locate(event: PointerEvent | WheelEvent): { x: number; y: number; ms: number } {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    return { x, y: event.clientY - box.top, ms: getMs(this.scale, x) };
  }

  private findLane(y: number): Lane | null {
    const { tops } = this.getLayout();
    return this.data.lanes.find((_, k) => y >= tops[k]! && y < tops[k]! + LANE) ?? null;
  }

  private findEdgeAt(x: number, y: number): { edge: Edge; lane: Lane } | null {
    const lane = this.findLane(y);
    if (lane === null || !lane.isEditable) return null;
    const reachMs = getMs(this.scale, REACH_PX) - getMs(this.scale, 0);
    const edge = findEdge(lane.bars, getMs(this.scale, x), reachMs);
    return edge === null ? null : { edge, lane };
  }

  private onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const { x, y, ms } = this.locate(event);
    this.canvas.setPointerCapture(event.pointerId);
    if (y >= this.getLayout().height - MINIMAP) {
      this.startMinimap(x);
      return;
    }
    const grabbed = this.findEdgeAt(x, y);
    if (grabbed !== null) {
      this.drag = { kind: "edge", ...grabbed, frame: grabbed.edge.frame, hasMoved: false };
      return;
    }
    const lane = this.findLane(y);
    if (lane !== null) {
      const bar = listVisible(lane.bars, ms, ms + 0.01)[0];
      this.events.onSelect(bar?.id ?? null, lane.id);
    }
    this.drag = { kind: "seek" };
    this.events.onSeek(ms);
  };

  private startMinimap(x: number): void {
    const whole = makeScale(this.scale.startMs, this.scale.endMs, this.scale.width);
    const ms = getMs(whole, x);
    const length = this.scale.viewEndMs - this.scale.viewStartMs;
    const isInside = ms >= this.scale.viewStartMs && ms <= this.scale.viewEndMs;
    const offsetMs = isInside ? ms - this.scale.viewStartMs : length / 2;
    this.drag = { kind: "minimap", offsetMs };
    this.scale = showWindow(this.scale, ms - offsetMs, ms - offsetMs + length);
    this.schedule();
  }

  private onMove = (event: PointerEvent): void => {
    const { x, y, ms } = this.locate(event);
    const { drag } = this;
    if (drag === null) {
      this.canvas.style.cursor = this.findEdgeAt(x, y) === null ? "default" : "ew-resize";
    } else if (drag.kind === "seek") {
      this.events.onSeek(ms);
    } else if (drag.kind === "minimap") {
      const whole = makeScale(this.scale.startMs, this.scale.endMs, this.scale.width);
      const start = getMs(whole, x) - drag.offsetMs;
      this.scale = showWindow(this.scale, start, start + this.scale.viewEndMs - this.scale.viewStartMs);
      this.schedule();
    } else {
      this.dragEdge(drag, ms, event.altKey);
    }
  };

  private dragEdge(drag: Extract<Drag, { kind: "edge" }>, ms: number, isFree: boolean): void {
    const limits = getLimits(drag.lane.bars, drag.edge, this.data.bounds);
    const pointed = this.clock.getFrame(ms);
    const frame = snap(pointed, isFree ? [] : this.listSnapTargets(drag), this.getSnapReach(ms), limits);
    if (frame === drag.frame && drag.hasMoved) return;
    if (frame !== drag.edge.frame) drag.hasMoved = true;
    drag.frame = frame;
    this.events.onDrag(frame);
    this.schedule();
  }

  private getSnapReach(ms: number): number {
    const aside = getMs(this.scale, getX(this.scale, ms) + SNAP_PX);
    return Math.abs(this.clock.getFrame(aside) - this.clock.getFrame(ms));
  }

  /** The playhead, and every edge of every lane but the one that is dragged. */
  private listSnapTargets(drag: Extract<Drag, { kind: "edge" }>): number[] {
    const edges = this.data.lanes.flatMap((lane) =>
      listVisible(lane.bars, this.scale.viewStartMs, this.scale.viewEndMs).flatMap((bar) => [bar.start_frame, bar.end_frame]));
    const others = edges.filter((frame) => frame !== drag.edge.frame);
    return this.data.playheadFrame === null ? others : [...others, this.data.playheadFrame];
  }

  private onUp = (): void => {
    const { drag } = this;
    this.drag = null;
    if (drag?.kind === "edge") {
      if (drag.hasMoved && drag.frame !== drag.edge.frame) {
        this.events.onMoveEdge(drag.edge, moveEdge(drag.edge, drag.frame), drag.lane.id);
      } else if (!drag.hasMoved) {
        this.events.onSelect((drag.edge.right ?? drag.edge.left)!.id, drag.lane.id);
        this.events.onSeek(this.clock.getMs(drag.edge.frame));
      }
    }
    this.schedule();
  };

  private onCancel = (): void => {
    this.drag = null;
    this.schedule();
  };

  private onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { ms } = this.locate(event);
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isSideways) {
      const delta = event.deltaX || event.deltaY;
      this.scale = pan(this.scale, getMs(this.scale, delta) - getMs(this.scale, 0));
    } else this.scale = zoom(this.scale, Math.exp(-event.deltaY * 0.002), ms);
    this.schedule();
  };
}
