/**
 * A page with the player and nothing else, for the tests of frame exactness in a real browser: whatever the player says is
 * on screen is compared with the number that is drawn into the picture on screen.
 */

import { FrameMap, type FrameMapData } from "../src/player/frame_map";
import { Player, UnconfirmedFrame } from "../src/player/player";

const NUM_BITS = 16;
const video = document.querySelector("video")!;
const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true })!;
let player: Player | null = null;

/** The number drawn in the picture that the browser shows now: sixteen blocks, as `tests/video/numbered.py` draws. */
function readNumber(): number {
  const { videoWidth: width, videoHeight: height } = video;
  canvas.width = width;
  canvas.height = height;
  context.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < NUM_BITS; bit++) {
    const top = (Math.floor(bit / 8) * height) / 4;
    const left = ((bit % 8) * width) / 8;
    const block = context.getImageData(left + width / 32, top + height / 16, width / 16, height / 8).data;
    let sum = 0;
    for (let k = 0; k < block.length; k += 4) sum += block[k]! + block[k + 1]! + block[k + 2]!;
    number = number * 2 + (sum / ((block.length / 4) * 3) > 125 ? 1 : 0);
  }
  return number;
}

/** A move, the frame of the record that the player then calls confirmed, and the number on screen. */
export interface Seen {
  readonly move: string;
  readonly said: number;
  readonly shown: number;
  readonly ms: number;
}

async function open(url: string, mapUrl: string): Promise<number> {
  player?.close();
  const map = new FrameMap((await (await fetch(mapUrl)).json()) as FrameMapData);
  video.src = url;
  player = new Player(video, map);
  await player.seek(0);
  return map.count;
}

/** Seek (`["seek", 12]`) or step (`["step", -10]`), one after the other. */
async function move(moves: readonly (readonly ["seek" | "step", number])[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const [kind, count] of moves) {
    const begun = performance.now();
    await (kind === "seek" ? player!.seek(count) : player!.step(count));
    const ms = performance.now() - begun;
    seen.push({ move: `${kind} ${count}`, said: player!.getConfirmedFrame().frame, shown: readNumber(), ms });
  }
  return seen;
}

/** Keys held down: steps are asked for without waiting; what is confirmed in between counts as well. */
async function hurry(moves: readonly number[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  const stop = player!.subscribe(() => {
    const { isConfirmed, frame } = player!.getState();
    if (isConfirmed) seen.push({ move: "hurry", said: frame!, shown: readNumber(), ms: 0 });
  });
  let last: Promise<number> = Promise.resolve(0);
  for (const count of moves) {
    last = player!.step(count);
    last.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 7));
  }
  await last;
  stop();
  return seen;
}

/** Play (backward where the rate is negative), mark three times on the way, pause, and note the frame it rests on. */
async function play(rate: number, ms: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  const note = (move: string): void => {
    seen.push({ move, said: player!.getConfirmedFrame().frame, shown: readNumber(), ms: 0 });
  };
  player!.setRate(Math.abs(rate));
  player!.shuttle(rate < 0 ? -1 : 1);
  for (let mark = 0; mark < 3; mark++) {
    await new Promise((resolve) => setTimeout(resolve, ms / 4));
    const stop = player!.subscribe(() => {
      if (player!.getState().isConfirmed) note(`mark while playing ${rate}`);
    });
    await player!.settle();
    stop();
    if (rate < 0) player!.shuttle(-1);
  }
  await new Promise((resolve) => setTimeout(resolve, ms / 4));
  player!.pause();
  for (let tries = 0; tries < 150 && !player!.getState().isConfirmed; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  note("pause");
  await new Promise((resolve) => setTimeout(resolve, 120)); // a frame that slips in now would be wrong
  note("rest");
  return seen;
}

/** What pages without a map do, to show that the test can fail: seek to `n / fps`, believe `currentTime`. */
async function seekByRate(frames: readonly number[], fps: number): Promise<number[]> {
  const shown: number[] = [];
  for (const frame of frames) {
    const painted = new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()));
    video.currentTime = frame / fps;
    await Promise.race([painted, new Promise((resolve) => setTimeout(resolve, 500))]);
    shown.push(readNumber());
  }
  return shown;
}

/** Whether a mark is refused right after a seek was asked for. */
function refusesMark(index: number): boolean {
  player!.seek(index).catch(() => undefined);
  try {
    player!.getConfirmedFrame();
    return false;
  } catch (error) {
    return error instanceof UnconfirmedFrame;
  }
}

Object.assign(window, { harness: { open, move, hurry, play, seekByRate, refusesMark } });
