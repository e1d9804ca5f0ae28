/** Edges of segments on a timeline: which one is grabbed, how far it may go, and what it snaps to. */

export interface Bar {
  readonly id: string;
  /** Frames of the record, half-open, and their times. */
  readonly start_frame: number;
  readonly end_frame: number;
  readonly start_ms: number;
  readonly end_ms: number;
}

/** Where two neighbours touch, the edge is shared: it moves the end of one and the start of the other. */
export interface Edge {
  readonly frame: number;
  readonly left: Bar | null;
  readonly right: Bar | null;
}

export interface EdgeMove {
  readonly id: string;
  readonly start_frame: number;
  readonly end_frame: number;
}

/** The first of rising bars that ends behind a moment. */
export function findFirstEndingAfter(bars: readonly Bar[], ms: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle]!.end_ms <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bars of one lane, rising and apart from each other, that lie in a window. */
export function listVisible<B extends Bar>(bars: readonly B[], startMs: number, endMs: number): B[] {
  const visible: B[] = [];
  for (let k = findFirstEndingAfter(bars, startMs); k < bars.length && bars[k]!.start_ms < endMs; k++) visible.push(bars[k]!);
  return visible;
}

/** The edge nearest to a moment, no further than `reachMs`. */
export function findEdge(bars: readonly Bar[], ms: number, reachMs: number): Edge | null {
  let best: { distance: number; frame: number } | null = null;
  for (const bar of listVisible(bars, ms - reachMs - 1, ms + reachMs + 1)) {
    for (const [time, frame] of [[bar.start_ms, bar.start_frame], [bar.end_ms, bar.end_frame]] as const) {
      const distance = Math.abs(time - ms);
      if (distance <= reachMs && (best === null || distance < best.distance)) best = { distance, frame };
    }
  }
  return best === null ? null : getEdgeAt(bars, best.frame);
}

export function getEdgeAt(bars: readonly Bar[], frame: number): Edge {
  return {
    frame,
    left: bars.find((bar) => bar.end_frame === frame) ?? null,
    right: bars.find((bar) => bar.start_frame === frame) ?? null,
  };
}

/** How far an edge may go: bars keep a frame, neighbours do not overlap, nothing leaves `bounds`. */
export function getLimits(bars: readonly Bar[], edge: Edge, bounds: readonly [number, number]): [number, number] {
  const before = bars.filter((bar) => bar.end_frame <= edge.frame && bar.id !== edge.left?.id).at(-1);
  const after = bars.find((bar) => bar.start_frame >= edge.frame && bar.id !== edge.right?.id);
  const low = edge.left !== null ? edge.left.start_frame + 1 : Math.max(bounds[0], before?.end_frame ?? bounds[0]);
  const high = edge.right !== null ? edge.right.end_frame - 1 : Math.min(bounds[1], after?.start_frame ?? bounds[1]);
  return [low, high];
}

/** The frame that an edge goes to: the nearest thing to snap to within reach, else where the pointer is. */
export function snap(frame: number, targets: readonly number[], reach: number, limits: readonly [number, number]): number {
  let best = frame;
  let bestDistance = reach + 1;
  for (const target of targets) {
    const distance = Math.abs(target - frame);
    if (distance < bestDistance && target >= limits[0] && target <= limits[1]) [best, bestDistance] = [target, distance];
  }
  return Math.min(Math.max(best, limits[0]), limits[1]);
}

/** What moving an edge does; the bar that shrinks comes first, so that the two never overlap. */
export function moveEdge(edge: Edge, frame: number): EdgeMove[] {
  const left = edge.left && { id: edge.left.id, start_frame: edge.left.start_frame, end_frame: frame };
  const right = edge.right && { id: edge.right.id, start_frame: frame, end_frame: edge.right.end_frame };
  const moves = frame < edge.frame ? [left, right] : [right, left];
  return moves.filter((move): move is EdgeMove => move !== null && move !== undefined);
}
