/** What a change of a parent does to what lies in it, shown before it happens. */

import { Dialog } from "../parts/dialog";
import { formatTimecode } from "../player/timecode";
import { useWork } from "./context";

const WORDS: Record<string, string> = {
  shifted: "moves along", clipped: "is cut", deleted: "is deleted", outside: "would lie outside: marked for a re-check", recheck: "is marked for a re-check",
  unchanged: "stays",
};

export function EffectsDialog() {
  const { question, map, codebook } = useWork();
  if (question === null) return null;
  const { preview, answer } = question;
  return (
    <Dialog title="This reaches further" onClose={() => answer(false)}>
      {preview.is_allowed ? <p>{preview.effects.length} segments inside are affected:</p> : <p role="alert">The rules do not allow this:</p>}
      {preview.problems.map((one, k) => <p key={k} className="form-error">{String(one["error"])}</p>)}
      <ul className="effects">
        {preview.effects.map((one) => (
          <li key={one.segment_id}>
            <span>{one.level} {one.label === null ? "" : codebook.getName(one.label)} at {formatTimecode(map.getRecordMs(one.start_frame))}</span>
            <strong>{WORDS[one.effect]}</strong>
            <span className="faint">{one.new_start_frame === null ? "" : `frames ${one.start_frame}–${one.end_frame} → ${one.new_start_frame}–${one.new_end_frame}`} {one.where === "next stage" ? "(next stage)" : ""}</span>
          </li>
        ))}
      </ul>
      <div className="row end">
        <button type="button" onClick={() => answer(false)}>Change nothing</button>
        {preview.is_allowed && <button type="button" className="primary" onClick={() => answer(true)}>Do it</button>}
      </div>
    </Dialog>
  );
}
