/** The segments of the page as a list: what the timeline shows, for eyes, keyboards and screen readers alike. */

import { memo, useEffect, useRef, type ReactNode } from "react";
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
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
  }, [selectedId]);
  if (segments.length === 0) return <p className="empty">{empty}</p>;
  return (
    <ol className="segments" ref={list}>
      {segments.map((one) => <Row key={one.id} segment={one} isSelected={one.id === selectedId} onSelect={onSelect} describe={describe} mark={mark?.(one) ?? null} />)}
    </ol>
  );
}

interface RowProps extends Pick<Props, "onSelect" | "describe"> {
  readonly segment: Segment;
  readonly isSelected: boolean;
  readonly mark: ReactNode;
}

/** Drawn anew only when its own segment changes: lists are long, and pages change with every key. */
const Row = memo(function Row({ segment, isSelected, onSelect, describe, mark }: RowProps) {
  const { text, hue } = describe(segment);
  return (
    <li>
      <button type="button" aria-current={isSelected} className={segment.discard === null ? "segment" : "segment discarded"} onClick={() => onSelect(segment.id)}>
        <span className="swatch" style={{ background: hue === null ? "var(--unlabelled)" : `var(--hue-${hue % 10})` }} aria-hidden="true" />
        <span className="segment-text" title={text}>{text}</span>
        {segment.discard !== null && segment.discard !== text && <span className="badge">{segment.discard}</span>}
        {mark}
        <span className="segment-time">{formatTimecode(segment.start_ms).slice(2)}</span>
        <span className="segment-length">{formatLength(segment.end_ms - segment.start_ms)}</span>
      </button>
    </li>
  );
});
