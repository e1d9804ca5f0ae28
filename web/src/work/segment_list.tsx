/** The segments of the page as a list: what the timeline shows, for eyes, keyboards and screen readers alike. */

import { useEffect, useRef, type ReactNode } from "react";
import type { Segment } from "../commands/model";
import { formatLength, formatTimecode } from "../player/timecode";

interface Props {
  readonly segments: readonly Segment[];
  readonly selectedId: string | null;
  readonly onSelect: (id: string) => void;
  readonly describe: (segment: Segment) => { readonly text: string; readonly hue: number | null };
  readonly mark?: (segment: Segment) => ReactNode;
  readonly empty: string;
}

export function SegmentList({ segments, selectedId, onSelect, describe, mark, empty }: Props) {
  const selected = useRef<HTMLButtonElement>(null);
  useEffect(() => { selected.current?.scrollIntoView({ block: "nearest" }); }, [selectedId]);
  if (segments.length === 0) return <p className="empty">{empty}</p>;
  return (
    <ol className="segments">
      {segments.map((one) => {
        const { text, hue } = describe(one);
        const isSelected = one.id === selectedId;
        return (
          <li key={one.id}>
            <button type="button" ref={isSelected ? selected : undefined} aria-current={isSelected} className={one.discard === null ? "segment" : "segment discarded"} onClick={() => onSelect(one.id)}>
              <span className="swatch" style={{ background: hue === null ? "var(--unlabelled)" : `var(--hue-${hue % 10})` }} aria-hidden="true" />
              <span className="segment-text" title={text}>{text}</span>
              {one.discard !== null && <span className="badge">{one.discard}</span>}
              {mark?.(one)}
              <span className="segment-time">{formatTimecode(one.start_ms).slice(2)}</span>
              <span className="segment-length">{formatLength(one.end_ms - one.start_ms)}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
