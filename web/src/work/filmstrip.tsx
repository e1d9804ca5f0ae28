/** Pictures above the timeline, of the moments that it shows; each is exactly the frame in its middle. */

import { useEffect, useRef, type RefObject } from "react";
import { getMs } from "../timeline/scale";
import type { Timeline } from "../timeline/timeline";
import { useWork } from "./context";

const HEIGHT = 54;

export function Filmstrip({ timeline }: { timeline: RefObject<Timeline | null> }) {
  const { stills, map, clip, player } = useWork();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    const context = element.getContext("2d")!;
    let shown = "";
    let run = 0;
    const draw = async (): Promise<void> => {
      const scale = timeline.current?.getScale();
      if (scale === undefined) return;
      const key = `${scale.viewStartMs}/${scale.viewEndMs}/${element.clientWidth}`;
      if (key === shown) return;
      shown = key;
      run += 1;
      const mine = run;
      const ratio = window.devicePixelRatio || 1;
      const width = Math.round((HEIGHT * clip.width) / clip.height);
      element.width = Math.round(element.clientWidth * ratio);
      element.height = HEIGHT * ratio;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const count = Math.ceil(element.clientWidth / width);
      await new Promise((resolve) => setTimeout(resolve, 120)); // a zoom under way would ask for pictures it never shows
      for (let k = 0; k < count && mine === run; k++) {
        const index = map.findIndexOfRecordMs(getMs(scale, (k + 0.5) * width));
        const picture = await stills.get(index);
        if (picture !== null && mine === run) context.drawImage(picture, k * width, 0, width, HEIGHT);
      }
    };
    const timer = setInterval(() => void draw(), 150);
    return () => {
      run = -1;
      clearInterval(timer);
    };
  }, [stills, map, clip, timeline]);
  const seek = (x: number): void => {
    const scale = timeline.current?.getScale();
    if (scale !== undefined) void player.seek(map.findIndexOfRecordMs(getMs(scale, x)));
  };
  return (
    <canvas ref={canvas} className="filmstrip" style={{ height: HEIGHT }} role="img" aria-label="Filmstrip of the part of the timeline in view"
      onPointerDown={(event) => seek(event.nativeEvent.offsetX)} />
  );
}
