/**
 * Which frame of the record each frame of a proxy is.
 *
 * A browser knows only seconds. This is the one place where they become frames, by looking time stamps up in the map
 * that ingest stored beside the proxy; nothing here computes `n / fps`.
 */

/** What the server sends of a proxy's map. */
export interface FrameMapData {
  /** Frame k of the proxy is this frame of the record; rising. */
  frames: readonly number[];
  /** PTS of those frames in the record, in units of `time_base`. */
  pts: readonly number[];
  /** Seconds in one unit of `pts`, as `[numerator, denominator]`. */
  time_base: readonly [number, number];
  /** When those frames begin on the record's clock, in whole milliseconds. */
  times_ms: readonly number[];
  /** Frame of the record, and its time, at which a segment ends that reaches the end of the proxy. */
  end_frame: number;
  end_ms: number;
}

export class FrameMap {
  /** When the proxy shows each frame, in seconds from its own zero: the browser's `mediaTime`. */
  readonly timesS: Float64Array;
  /** The same moments on the record's clock, in whole milliseconds, as the server stores them. */
  readonly recordMs: Float64Array;
  readonly frames: Int32Array;
  readonly endFrame: number;
  readonly endMs: number;

  constructor(data: FrameMapData) {
    const count = data.frames.length;
    if (count === 0 || data.pts.length !== count || data.times_ms.length !== count) {
      throw new Error(
        `frame map: expected as many time stamps as frames and at least one, got ${data.pts.length} and ${count}`,
      );
    }
    const [numerator, denominator] = data.time_base;
    const zero = data.pts[0]!;
    this.frames = Int32Array.from(data.frames);
    this.timesS = Float64Array.from(data.pts, (pts) => ((pts - zero) * numerator) / denominator);
    this.recordMs = Float64Array.from(data.times_ms);
    this.endFrame = data.end_frame;
    this.endMs = data.end_ms;
    for (let k = 1; k < count; k++) {
      if (this.timesS[k]! <= this.timesS[k - 1]!) {
        throw new Error(`frame map: frame ${k} of the proxy is not later than the one before`);
      }
    }
  }

  get count(): number {
    return this.frames.length;
  }

  /** The proxy frame that a browser shows which reports this `mediaTime`: the nearest, as browsers round. */
  findIndexOfMediaTime(mediaTimeS: number): number {
    const after = this.countBefore(this.timesS, mediaTimeS);
    if (after === 0) return 0;
    if (after === this.count) return this.count - 1;
    return mediaTimeS - this.timesS[after - 1]! <= this.timesS[after]! - mediaTimeS ? after - 1 : after;
  }

  /** Where to seek so that frame `index` is shown: half way to the next one, where no rounding reaches. */
  getMiddleS(index: number): number {
    const time = this.timesS[index];
    if (time === undefined) throw new Error(`frame map: no frame ${index}; the proxy has ${this.count}`);
    return time + this.getDurationS(index) / 2;
  }

  /** How long frame `index` is shown; the last one as long as the one before it. */
  getDurationS(index: number): number {
    if (this.count === 1) return 0.04;
    const k = Math.min(index, this.count - 2);
    return this.timesS[k + 1]! - this.timesS[k]!;
  }

  /** The proxy frame that shows a frame of the record; for one left out or outside the chunk, the last before it. */
  findIndexOfRecordFrame(frame: number): number {
    return Math.max(0, this.countBefore(this.frames, frame + 1) - 1);
  }

  /** The proxy frame on screen at a moment of the record, in milliseconds. */
  findIndexOfRecordMs(ms: number): number {
    return Math.max(0, this.countBefore(this.recordMs, Math.floor(ms) + 1) - 1);
  }

  /** Milliseconds on the record's clock at which a frame of the record begins; behind the last one, where that ends. */
  getRecordMs(frame: number): number {
    if (frame >= this.endFrame) return this.endMs;
    return this.recordMs[this.findIndexOfRecordFrame(frame)]!;
  }

  /** How many entries of a rising array are smaller than `value`. */
  private countBefore(rising: Float64Array | Int32Array, value: number): number {
    let low = 0;
    let high = rising.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rising[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
