/**
 * A player that knows which frame is on screen.
 *
 * Browsers say where they were told to go (`currentTime`), not what they show. This player seeks to the middle of a
 * frame and believes only `requestVideoFrameCallback`: the `mediaTime` that it reports, looked up in the frame map, is
 * the *shown* frame. A frame is *confirmed* while the video rests on the frame that was asked for; marks are taken from
 * confirmed frames alone. While it plays, a report may come when the next picture is on screen already (seen at 50 frames
 * a second on a busy machine), so no frame is confirmed then: a mark stops for a moment on the frame reported last.
 */

import type { FrameMap } from "./frame_map";

/** The part of `HTMLVideoElement` that is used; tests give a small one of their own. */
export interface VideoLike {
  currentTime: number;
  playbackRate: number;
  readonly paused: boolean;
  readonly seeking: boolean;
  readonly readyState: number;
  muted: boolean;
  play(): Promise<void>;
  pause(): void;
  requestVideoFrameCallback(callback: (now: number, metadata: { mediaTime: number }) => void): number;
  cancelVideoFrameCallback(handle: number): void;
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

export interface PlayerState {
  /** Proxy frame on screen, as the browser reported it; null before the first. */
  readonly shown: number | null;
  /** Frame of the record on screen; null before the first. */
  readonly frame: number | null;
  /** Whether a mark may be taken now. */
  readonly isConfirmed: boolean;
  readonly isPlaying: boolean;
  /** Signed: negative while shuttling backward. */
  readonly rate: number;
  /** Half-open range of proxy frames that playing repeats. */
  readonly loop: readonly [number, number] | null;
  /** Why the video cannot be shown, in words. */
  readonly failure: string | null;
}

/** Why no mark was taken. */
export class UnconfirmedFrame extends Error {
  override name = "UnconfirmedFrame";
}

export const RATES = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4] as const;
const MAX_TRIES = 5;
const SILENCE_MS = 150;

export class Player {
  private state: PlayerState = {
    shown: null, frame: null, isConfirmed: false, isPlaying: false, rate: 1, loop: null, failure: null,
  };
  private listeners = new Set<() => void>();
  private wanted: number | null = null;
  private inFlight: number | null = null;
  private tries = 0;
  private handle = 0;
  private shuttleTimer: ReturnType<typeof setInterval> | null = null;
  private waiting: Array<{ index: number; resolve: (index: number) => void; reject: (error: Error) => void }> = [];

  constructor(
    readonly video: VideoLike,
    readonly map: FrameMap,
  ) {
    this.handle = video.requestVideoFrameCallback(this.onFrame);
    video.addEventListener("pause", this.onPause);
    video.addEventListener("playing", this.onPlaying);
    video.addEventListener("ended", this.onEnded);
    video.addEventListener("error", this.onError);
    video.addEventListener("seeked", this.onSeeked);
  }

  /** Stop listening; the video element may go. */
  close(): void {
    this.stopShuttle();
    this.video.cancelVideoFrameCallback(this.handle);
    this.video.removeEventListener("pause", this.onPause);
    this.video.removeEventListener("playing", this.onPlaying);
    this.video.removeEventListener("ended", this.onEnded);
    this.video.removeEventListener("error", this.onError);
    this.video.removeEventListener("seeked", this.onSeeked);
    this.rejectWaiting(new UnconfirmedFrame("the player was closed"));
    this.listeners.clear();
  }

  getState = (): PlayerState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The frame of the record on screen. Throws where it is not confirmed, so that no mark can be wrong. */
  getConfirmedFrame(): { frame: number; proxyFrame: number } {
    const { shown, frame, isConfirmed } = this.state;
    if (!isConfirmed || shown === null || frame === null) {
      throw new UnconfirmedFrame("The frame on screen is not confirmed yet. Wait for the number to turn solid, then mark again.");
    }
    return { frame, proxyFrame: shown };
  }

  /**
   * The frame for a mark: while playing, the one reported last, on which the player rests until it is confirmed before
   * it plays on. Rejects where it cannot be confirmed.
   */
  async settle(): Promise<{ frame: number; proxyFrame: number }> {
    const { isPlaying, rate, shown } = this.state;
    if (shown === null) return this.getConfirmedFrame();
    if (isPlaying || !this.state.isConfirmed) await this.seek(isPlaying ? shown : this.getTarget());
    const confirmed = this.getConfirmedFrame();
    if (isPlaying && rate > 0) this.play(rate);
    return confirmed;
  }

  /** Where stepping starts from: where the last seek goes, else what is shown. */
  getTarget(): number {
    return this.wanted ?? this.state.shown ?? 0;
  }

  /**
   * Rest on a proxy frame. Resolves when the browser has shown it; rejects when another seek replaced this one, or when
   * it cannot be confirmed.
   */
  seek(index: number): Promise<number> {
    const target = Math.min(Math.max(0, Math.round(index)), this.map.count - 1);
    const isResting = !this.state.isPlaying || this.shuttleTimer !== null;
    this.tries = 0;
    this.wanted = target;
    this.stopShuttle();
    if (!this.video.paused) this.video.pause();
    this.rejectWaiting(new UnconfirmedFrame("another seek came first"), target);
    const promise = new Promise<number>((resolve, reject) => this.waiting.push({ index: target, resolve, reject }));
    promise.catch(() => undefined); // those who only press keys do not wait for it
    if (isResting && this.state.shown === target && this.inFlight === null && this.state.isConfirmed) {
      this.confirm();
      return promise;
    }
    this.update({ isConfirmed: false, isPlaying: false });
    this.startSeek();
    return promise;
  }

  seekRecordFrame(frame: number): Promise<number> {
    return this.seek(this.map.findIndexOfRecordFrame(frame));
  }

  step(count: number): Promise<number> {
    return this.seek(this.getTarget() + count);
  }

  play(rate: number = Math.abs(this.state.rate)): void {
    this.stopShuttle();
    const { loop } = this.state;
    const isOutside = loop !== null && (this.getTarget() < loop[0] || this.getTarget() >= loop[1] - 1);
    if (isOutside) this.video.currentTime = this.map.getMiddleS(loop[0]);
    else if (this.getTarget() >= this.map.count - 1) this.video.currentTime = 0;
    this.wanted = null;
    this.inFlight = null;
    this.rejectWaiting(new UnconfirmedFrame("playing began"));
    this.video.playbackRate = rate;
    this.video.muted = rate < 0.5 || rate > 2;
    this.update({ rate, isPlaying: true, isConfirmed: false });
    this.video.play().catch((error: unknown) => {
      if (this.state.isPlaying) this.update({ isPlaying: false, failure: `The browser does not play: ${String(error)}` });
    });
  }

  /** Stop, on the frame that was shown last, and have it confirmed. */
  pause(): void {
    const { shown } = this.state;
    if (shown === null) this.video.pause();
    else void this.seek(shown);
  }

  toggle(): void {
    if (this.state.isPlaying) this.pause();
    else this.play();
  }

  /** J (-1) and L (+1): start that way; pressed again, faster. */
  shuttle(direction: 1 | -1): void {
    const { rate, isPlaying } = this.state;
    const isSameWay = isPlaying && Math.sign(rate) === direction;
    const speed = isSameWay ? nextRate(Math.abs(rate), 1) : Math.abs(rate) > 2 ? 1 : Math.abs(rate);
    if (direction > 0) this.play(speed);
    else this.playBackward(speed);
  }

  changeRate(direction: 1 | -1): void {
    this.setRate(nextRate(Math.abs(this.state.rate), direction));
  }

  setRate(rate: number): void {
    if (this.state.isPlaying && this.state.rate < 0) this.playBackward(rate);
    else {
      this.video.playbackRate = rate;
      this.update({ rate });
    }
  }

  /** Repeat a half-open range of proxy frames while playing; null ends it. */
  setLoop(loop: readonly [number, number] | null): void {
    this.update({ loop: loop !== null && loop[1] - loop[0] >= 2 ? loop : null });
  }

  /** No browser plays backward: frames are sought by the clock, each as soon as the one before is on screen. */
  private playBackward(speed: number): void {
    const from = this.getTarget();
    if (!this.video.paused) this.video.pause();
    this.stopShuttle();
    const startMs = this.map.timesS[from]! * 1000;
    const begun = Date.now();
    this.update({ isPlaying: true, rate: -speed });
    this.shuttleTimer = setInterval(() => {
      if (this.inFlight !== null) return;
      const nowMs = startMs - (Date.now() - begun) * speed;
      const { loop } = this.state;
      const floor = loop === null ? 0 : loop[0];
      const index = Math.max(floor, this.map.findIndexOfMediaTime(Math.max(0, nowMs / 1000)));
      if (index !== this.state.shown) {
        this.wanted = index;
        this.tries = 0;
        this.startSeek();
      }
      if (index === floor) this.pause();
    }, 15);
  }

  private stopShuttle(): void {
    if (this.shuttleTimer === null) return;
    clearInterval(this.shuttleTimer);
    this.shuttleTimer = null;
    this.state = { ...this.state, rate: Math.abs(this.state.rate), isPlaying: false };
  }

  /** One seek at a time: browsers that get the next before they showed the last never show anything. */
  private startSeek(): void {
    if (this.wanted === null || this.inFlight !== null) return;
    this.inFlight = this.wanted;
    this.video.currentTime = this.map.getMiddleS(this.wanted);
  }

  private onFrame = (_now: number, metadata: { mediaTime: number }): void => {
    this.handle = this.video.requestVideoFrameCallback(this.onFrame);
    const shown = this.map.findIndexOfMediaTime(metadata.mediaTime);
    const frame = this.map.frames[shown]!;
    if (this.wanted === null) {
      this.update({ shown, frame, isConfirmed: false });
      this.keepLoop(shown);
      return;
    }
    this.update({ shown, frame, isConfirmed: false });
    if (shown === this.wanted && (this.inFlight === null || this.inFlight === shown)) this.confirm();
    else if (shown === this.inFlight) this.seekAgain();
    else if (this.inFlight === null && this.tries++ < MAX_TRIES) this.startSeek();
    // else: a frame from before the seek; the right one is on its way, or `seeked` asks again. A frame that is wanted
    // while the browser is on its way to another is no confirmation either: the other one will replace it.
  };

  private confirm(): void {
    const index = this.wanted!;
    this.inFlight = null;
    if (this.shuttleTimer === null) this.update({ isConfirmed: true, isPlaying: false });
    else this.update({ isConfirmed: true });
    const done = this.waiting.filter((one) => one.index === index);
    this.waiting = this.waiting.filter((one) => one.index !== index);
    for (const one of done) one.resolve(index);
  }

  private seekAgain(): void {
    this.inFlight = null;
    this.startSeek();
  }

  /**
   * The seek is over, but no frame was reported: browsers are silent when the frame sought is the one that they show
   * already. Show a neighbour, then come back: that they report.
   */
  private onSeeked = (): void => {
    const expected = this.inFlight;
    if (expected === null) return;
    setTimeout(() => {
      if (this.inFlight !== expected || this.video.seeking) return;
      this.tries += 1;
      if (this.tries <= MAX_TRIES && this.wanted !== null) {
        this.inFlight = expected === this.wanted ? getNeighbour(expected, this.map.count) : this.wanted;
        this.video.currentTime = this.map.getMiddleS(this.inFlight);
      } else {
        this.inFlight = null;
        this.rejectWaiting(new UnconfirmedFrame(`the browser does not confirm frame ${expected} of the proxy`));
        this.update({ failure: "The browser does not confirm this frame. Step once, or reload the page." });
      }
    }, SILENCE_MS);
  };

  private keepLoop(shown: number): void {
    const { loop, isPlaying } = this.state;
    if (loop === null || !isPlaying || this.video.seeking) return;
    if (shown >= loop[1] - 1 || shown < loop[0]) this.video.currentTime = this.map.getMiddleS(loop[0]);
  }

  private onPlaying = (): void => {
    if (!this.state.isPlaying && this.wanted === null) this.update({ isPlaying: true });
  };

  /** The browser paused by itself (another tab, a headset): rest on the frame shown last. */
  private onPause = (): void => {
    // The event of a pause of ours may come when playing has begun again: then nothing is paused.
    if (this.video.paused && this.state.isPlaying && this.shuttleTimer === null && this.wanted === null) this.pause();
  };

  private onEnded = (): void => {
    const { loop } = this.state;
    if (loop !== null) this.play();
    else void this.seek(this.map.count - 1);
  };

  private onError = (): void => {
    this.update({ failure: "The video cannot be loaded. Reload the page; if it happens again, tell the lead.", isPlaying: false });
  };

  private rejectWaiting(error: Error, except?: number): void {
    const left = this.waiting.filter((one) => one.index !== except);
    this.waiting = this.waiting.filter((one) => one.index === except);
    for (const one of left) one.reject(error);
  }

  private update(change: Partial<PlayerState>): void {
    if (change.isConfirmed === true) change = { ...change, failure: null };
    const isNew = (Object.keys(change) as Array<keyof PlayerState>).some((key) => this.state[key] !== change[key]);
    if (!isNew) return;
    this.state = { ...this.state, ...change };
    for (const listener of [...this.listeners]) listener();
  }
}

const getNeighbour = (index: number, count: number): number => (index + 1 < count ? index + 1 : Math.max(0, index - 1));

/** The next of the offered rates, faster or slower; the last stays. */
export function nextRate(rate: number, direction: 1 | -1): number {
  const sorted = direction > 0 ? RATES : [...RATES].reverse();
  return sorted.find((offered) => (direction > 0 ? offered > rate + 1e-9 : offered < rate - 1e-9)) ?? sorted[sorted.length - 1]!;
}
