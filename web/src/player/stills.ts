/** Single frames of a proxy as pictures, decoded beside the player: for the filmstrip and for both sides of a boundary. */

import { ALL_FORMATS, CanvasSink, Input, UrlSource } from "mediabunny";
import type { FrameMap } from "./frame_map";

export type Picture = HTMLCanvasElement | OffscreenCanvas;

const KEPT = 240;

/** A frame that was decoded; `index` is checked against its time stamp, as the player's frames are. */
export class Stills {
  private input: Input;
  private sink: Promise<CanvasSink | null>;
  private kept = new Map<number, Promise<Picture | null>>();

  constructor(
    url: string,
    private readonly map: FrameMap,
    height: number,
  ) {
    this.input = new Input({ source: new UrlSource(url), formats: ALL_FORMATS });
    this.sink = this.open(height);
  }

  close(): void {
    this.kept.clear();
    this.input.dispose();
  }

  /** Proxy frame `index`; null where this browser cannot decode it, or gave another frame. */
  get(index: number): Promise<Picture | null> {
    const known = this.kept.get(index);
    if (known !== undefined) return known;
    const picture = this.decode(index).catch(() => null);
    this.kept.set(index, picture);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value!);
    return picture;
  }

  private async open(height: number): Promise<CanvasSink | null> {
    const track = await this.input.getPrimaryVideoTrack();
    if (track === null || !(await track.canDecode())) return null;
    return new CanvasSink(track, { height, poolSize: 0 });
  }

  private async decode(index: number): Promise<Picture | null> {
    const sink = await this.sink;
    const wrapped = await sink?.getCanvas(this.map.getMiddleS(index));
    if (wrapped == null || this.map.findIndexOfMediaTime(wrapped.timestamp) !== index) return null;
    return wrapped.canvas;
  }
}
