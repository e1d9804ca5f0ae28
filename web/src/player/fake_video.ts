/** A video element for tests: it shows what a browser would, when the test says so, with a browser's bad habits. */

import type { VideoLike } from "./player";

type FrameCallback = (now: number, metadata: { mediaTime: number }) => void;

export class FakeVideo implements VideoLike {
  playbackRate = 1;
  paused = true;
  seeking = false;
  readyState = 4;
  muted = false;
  numSeeks = 0;
  private time = 0;
  private callbacks: FrameCallback[] = [];
  private listeners = new Map<string, Set<() => void>>();

  constructor(readonly timesS: readonly number[]) {}

  get currentTime(): number {
    return this.time;
  }

  /** A seek; it stays under way until `finishSeek`. */
  set currentTime(value: number) {
    this.time = value;
    this.seeking = true;
    this.numSeeks += 1;
  }

  play(): Promise<void> {
    this.paused = false;
    return Promise.resolve();
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.fire("pause");
  }

  requestVideoFrameCallback(callback: FrameCallback): number {
    this.callbacks.push(callback);
    return this.callbacks.length;
  }

  cancelVideoFrameCallback(): void {
    this.callbacks = [];
  }

  addEventListener(type: string, listener: () => void): void {
    if (!this.listeners.has(type)) this.listeners.set(type, new Set());
    this.listeners.get(type)!.add(listener);
  }

  removeEventListener(type: string, listener: () => void): void {
    this.listeners.get(type)?.delete(listener);
  }

  fire(type: string): void {
    for (const listener of [...(this.listeners.get(type) ?? [])]) listener();
  }

  /** Put frame `index` on screen and report it, as rounded as Chromium rounds. */
  present(index: number): void {
    const due = this.callbacks;
    this.callbacks = [];
    const mediaTime = Math.round(this.timesS[index]! * 1e6) / 1e6;
    for (const callback of due) callback(0, { mediaTime });
  }

  /** End the seek under way: the frame at `currentTime` is shown and reported. */
  finishSeek(): void {
    this.seeking = false;
    this.present(this.timesS.findLastIndex((time) => time <= this.time));
    this.fire("seeked");
  }
}
