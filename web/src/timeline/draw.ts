/** Draws a timeline: ruler, lanes of segments, playhead, and the minimap of the whole below. */

import { formatTimecode } from "../player/timecode";
import { listVisible, type Bar } from "./edges";
import { chooseTickMs, getX, makeScale, type Scale } from "./scale";

export interface LaneBar extends Bar {
  readonly text: string;
  /** Number of the colour, or none for what has no label yet. */
  readonly hue: number | null;
  readonly isDiscarded?: boolean;
  readonly isGhost?: boolean;
  /** Something is the matter with it: underlined, so that the eye finds it. */
  readonly isMarked?: boolean;
}

export interface Lane {
  readonly id: string;
  readonly title: string;
  /** Rising and apart from each other. */
  readonly bars: readonly LaneBar[];
  readonly isEditable: boolean;
  /** Its title stands above it also while there are bars: whose lane it is matters. */
  readonly isTitled?: boolean;
}

export interface Picture {
  readonly scale: Scale;
  readonly lanes: readonly Lane[];
  readonly selectedId: string | null;
  readonly playheadMs: number | null;
  readonly isConfirmed: boolean;
  /** An open mark: a segment that has a start and no end yet. */
  readonly markMs: number | null;
  readonly snapMs: number | null;
  readonly colours: Colours;
  readonly waveform: Waveform | null;
}

/** Smallest and largest sample (-1 to 1) of each of equally long parts of the sound, which begins at `startMs`. */
export interface Waveform {
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly startMs: number;
  readonly msPerPoint: number;
}

export interface Colours {
  readonly background: string;
  readonly lane: string;
  readonly text: string;
  readonly faint: string;
  readonly line: string;
  readonly accent: string;
  readonly warning: string;
  readonly unlabelled: string;
  /** Fills for hues, and the text upon them. */
  readonly hues: readonly string[];
  readonly onHue: string;
}

export const RULER = 22;
export const LANE = 30;
export const GAP = 4;
export const MINIMAP = 20;
export const WAVE = 26;

export const TITLE = 14;

/** Where each lane begins, and how high all of it is. */
export function makeLayout(lanes: readonly Pick<Lane, "isTitled">[], hasWave: boolean): { tops: number[]; height: number } {
  let at = RULER + (hasWave ? WAVE + GAP : 0);
  const tops = lanes.map((lane) => {
    const top = at + (lane.isTitled ? TITLE : 0);
    at = top + LANE + GAP;
    return top;
  });
  return { tops, height: at + MINIMAP + GAP };
}

export function drawTimeline(context: CanvasRenderingContext2D, picture: Picture): void {
  const { scale, lanes, colours } = picture;
  const hasWave = picture.waveform !== null;
  const { tops, height } = makeLayout(lanes, hasWave);
  context.fillStyle = colours.background;
  context.fillRect(0, 0, scale.width, height);
  drawRuler(context, picture);
  if (picture.waveform !== null) drawWave(context, picture, picture.waveform);
  lanes.forEach((lane, k) => drawLane(context, picture, lane, tops[k]!));
  drawVerticals(context, picture, height - MINIMAP - GAP);
  drawMinimap(context, picture, height - MINIMAP);
}

function drawRuler(context: CanvasRenderingContext2D, { scale, colours }: Picture): void {
  const tick = chooseTickMs(scale);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (let ms = Math.ceil(scale.viewStartMs / tick) * tick; ms <= scale.viewEndMs; ms += tick) {
    const x = Math.round(getX(scale, ms)) + 0.5;
    context.strokeStyle = colours.line;
    context.beginPath();
    context.moveTo(x, RULER - 6);
    context.lineTo(x, RULER);
    context.stroke();
    context.fillStyle = colours.faint;
    const text = formatTimecode(ms);
    context.fillText(tick >= 1000 ? text.slice(0, -4) : text, x + 4, RULER / 2);
  }
}

function drawWave(context: CanvasRenderingContext2D, { scale, colours }: Picture, wave: Waveform): void {
  const middle = RULER + WAVE / 2;
  const msPerPixel = (scale.viewEndMs - scale.viewStartMs) / scale.width;
  context.fillStyle = colours.faint;
  for (let x = 0; x < scale.width; x++) {
    const from = Math.floor((scale.viewStartMs + x * msPerPixel - wave.startMs) / wave.msPerPoint);
    const to = Math.max(from + 1, Math.floor(from + msPerPixel / wave.msPerPoint));
    let low = 0;
    let high = 0;
    for (let k = Math.max(0, from); k < Math.min(wave.low.length, to); k++) {
      low = Math.min(low, wave.low[k]!);
      high = Math.max(high, wave.high[k]!);
    }
    context.fillRect(x, middle - (high * WAVE) / 2, 1, Math.max(1, ((high - low) * WAVE) / 2));
  }
}

function drawLane(context: CanvasRenderingContext2D, picture: Picture, lane: Lane, top: number): void {
  const { scale, colours, selectedId } = picture;
  context.fillStyle = colours.lane;
  context.fillRect(0, top, scale.width, LANE);
  if (lane.isTitled) drawTitle(context, colours, lane.title, top);
  let lastX = -1;
  for (const bar of listVisible(lane.bars, scale.viewStartMs, scale.viewEndMs)) {
    const x = Math.max(-2, getX(scale, bar.start_ms));
    const right = Math.min(scale.width + 2, getX(scale, bar.end_ms));
    const isSelected = bar.id === selectedId;
    // Far out, many bars share a pixel: one is enough, the selected one always.
    if (!isSelected && right - lastX < 0.5) continue;
    lastX = right;
    drawBar(context, colours, bar, { x, top, width: Math.max(1, right - x), isSelected });
  }
  if (lane.bars.length === 0) {
    context.fillStyle = colours.faint;
    context.font = "11px system-ui, sans-serif";
    context.fillText(lane.isTitled ? "nothing" : lane.title, 8, top + LANE / 2);
  }
}

function drawTitle(context: CanvasRenderingContext2D, colours: Colours, title: string, top: number): void {
  context.fillStyle = colours.faint;
  context.font = "11px system-ui, sans-serif";
  context.fillText(title, 4, top - TITLE / 2 + 0.5);
}

interface Box {
  readonly x: number;
  readonly top: number;
  readonly width: number;
  readonly isSelected: boolean;
}

function drawBar(context: CanvasRenderingContext2D, colours: Colours, bar: LaneBar, box: Box): void {
  const { x, top, width, isSelected } = box;
  const fill = bar.hue === null ? colours.unlabelled : colours.hues[bar.hue % colours.hues.length]!;
  const inset = width > 4 ? 0.75 : 0;
  context.globalAlpha = bar.isGhost ? 0.35 : bar.isDiscarded ? 0.4 : 1;
  context.fillStyle = fill;
  context.beginPath();
  if (width > 8) context.roundRect(x + inset, top + 2, width - 2 * inset, LANE - 4, 3);
  else context.rect(x + inset, top + 2, Math.max(0.75, width - 2 * inset), LANE - 4);
  context.fill();
  context.globalAlpha = 1;
  if (bar.isGhost) {
    context.setLineDash([4, 3]);
    context.strokeStyle = colours.text;
    context.stroke();
    context.setLineDash([]);
  }
  if (bar.isDiscarded && width > 6) drawHatching(context, colours, x, top, width);
  if (bar.isMarked) {
    context.fillStyle = colours.warning;
    context.fillRect(x, top + LANE - 4, Math.max(1, width), 4);
  }
  if (isSelected) {
    context.lineWidth = 2;
    context.strokeStyle = colours.accent;
    context.strokeRect(x + 1, top + 1, Math.max(1, width - 2), LANE - 2);
    context.lineWidth = 1;
  }
  if (width > 26) {
    context.save();
    context.beginPath();
    context.rect(x + 3, top, width - 6, LANE);
    context.clip();
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = bar.isGhost || bar.isDiscarded || bar.hue === null ? colours.text : colours.onHue;
    context.fillText(bar.text, Math.max(6, x + 7), top + LANE / 2 + 0.5);
    context.restore();
  }
}

function drawHatching(context: CanvasRenderingContext2D, colours: Colours, x: number, top: number, width: number): void {
  context.save();
  context.beginPath();
  context.rect(x, top + 2, width, LANE - 4);
  context.clip();
  context.strokeStyle = colours.faint;
  context.beginPath();
  for (let at = x - LANE; at < x + width; at += 7) {
    context.moveTo(at, top + LANE);
    context.lineTo(at + LANE, top);
  }
  context.stroke();
  context.restore();
}

function drawVerticals(context: CanvasRenderingContext2D, picture: Picture, height: number): void {
  const { scale, colours } = picture;
  const line = (ms: number, colour: string, width: number, dash: number[] = []): void => {
    const x = Math.round(getX(scale, ms)) + 0.5;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 1;
  };
  if (picture.markMs !== null && picture.playheadMs !== null) {
    const [from, to] = [getX(scale, picture.markMs), getX(scale, picture.playheadMs)];
    context.globalAlpha = 0.18;
    context.fillStyle = colours.accent;
    context.fillRect(Math.min(from, to), RULER, Math.abs(to - from), height - RULER);
    context.globalAlpha = 1;
    line(picture.markMs, colours.accent, 2);
  }
  if (picture.snapMs !== null) line(picture.snapMs, colours.warning, 1, [3, 3]);
  if (picture.playheadMs !== null) {
    line(picture.playheadMs, picture.isConfirmed ? colours.accent : colours.warning, 1.5, picture.isConfirmed ? [] : [4, 3]);
    const x = getX(scale, picture.playheadMs);
    context.fillStyle = picture.isConfirmed ? colours.accent : colours.warning;
    context.beginPath();
    context.moveTo(x - 5, 0);
    context.lineTo(x + 5, 0);
    context.lineTo(x, 7);
    context.fill();
  }
}

function drawMinimap(context: CanvasRenderingContext2D, picture: Picture, top: number): void {
  const { colours } = picture;
  const whole = makeScale(picture.scale.startMs, picture.scale.endMs, picture.scale.width);
  context.fillStyle = colours.lane;
  context.fillRect(0, top, whole.width, MINIMAP);
  const height = MINIMAP / Math.max(1, picture.lanes.length);
  picture.lanes.forEach((lane, k) => {
    let last = -1;
    for (const bar of lane.bars) {
      const x = getX(whole, bar.start_ms);
      const right = Math.max(x + 1, getX(whole, bar.end_ms));
      if (right - last < 0.5) continue;
      last = right;
      context.fillStyle = bar.hue === null || bar.isDiscarded ? colours.unlabelled : colours.hues[bar.hue % colours.hues.length]!;
      context.fillRect(x, top + k * height + 1, right - x, height - 2);
    }
  });
  const from = getX(whole, picture.scale.viewStartMs);
  const to = getX(whole, picture.scale.viewEndMs);
  context.strokeStyle = colours.accent;
  context.strokeRect(from + 0.5, top + 0.5, Math.max(3, to - from - 1), MINIMAP - 1);
  if (picture.playheadMs !== null) {
    context.fillStyle = colours.accent;
    context.fillRect(getX(whole, picture.playheadMs) - 0.5, top, 1.5, MINIMAP);
  }
}
