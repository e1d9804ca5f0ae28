/** A model's suggestions, one by one: confirm, change (confirm, then edit), or reject. */

import { useMemo } from "react";
import type { Suggestion } from "../api/types";
import type { PassContent } from "../commands/model";
import { formatTimecode } from "../player/timecode";
import { getPlace, useLog, usePlayer, useWork } from "./context";

/** Those without an answer, in order of time: not rejected, and no segment comes from them. */
export function listGhosts(suggestions: readonly Suggestion[], content: PassContent): Suggestion[] {
  const taken = new Set([...content.segments.values()].map((one) => (one.origin?.["kind"] === "suggestion" ? one.origin["id"] : null)));
  return suggestions
    .filter((one) => !content.rejectedSuggestions.has(one.id) && !taken.has(one.id))
    .sort((left, right) => left.start_frame - right.start_frame);
}

/** The suggestion under the playhead, else the next one. */
export function findGhost(ghosts: readonly Suggestion[], frame: number): Suggestion | null {
  return ghosts.find((one) => one.start_frame <= frame && frame < one.end_frame) ?? ghosts.find((one) => one.start_frame > frame) ?? ghosts[0] ?? null;
}

/** The keys for suggestions. Which one they mean is looked up when they are pressed: a page need not follow every frame. */
export function useGhosts(): { confirm: () => void; reject: () => void } {
  const { editor, pass, log, player } = useWork();
  const find = (): Suggestion | null => findGhost(listGhosts(pass.suggestions, log.getState().content), player.getState().frame ?? 0);
  const confirm = (): void => {
    const current = find();
    if (current === null) return editor.say("No suggestion is left.");
    const place = getPlace(pass);
    const id = crypto.randomUUID();
    const payload = {
      segment_id: id, level: place.level, parent_id: place.parentId, start_frame: current.start_frame, end_frame: current.end_frame,
      label: current.label, suggestion_id: current.id,
    };
    void editor.run({ kind: "do", title: "Confirm a suggestion", changes: [{ kind: "create_segment", payload }], select: id });
  };
  const reject = (): void => {
    const current = find();
    if (current === null) return editor.say("No suggestion is left.");
    void editor.run({ kind: "do", title: "Reject a suggestion", changes: [{ kind: "reject_suggestion", payload: { suggestion_id: current.id } }] });
  };
  return { confirm, reject };
}

export function GhostPanel() {
  const { pass } = useWork();
  return pass.suggestions.length === 0 ? null : <CurrentGhost />;
}

function CurrentGhost() {
  const { codebook, player, pass } = useWork();
  const { content } = useLog();
  const { frame } = usePlayer();
  const { confirm, reject } = useGhosts();
  const ghosts = useMemo(() => listGhosts(pass.suggestions, content), [pass, content]);
  const current = findGhost(ghosts, frame ?? 0);
  return (
    <section className="ghosts" aria-labelledby="ghosts">
      <h2 id="ghosts">Suggestions <span className="count">{ghosts.length}</span></h2>
      {current === null ? <p className="faint">All answered.</p> : (
        <div className="ghost">
          <button type="button" className="quiet" onClick={() => void player.seekRecordFrame(current.start_frame)}>
            {current.label === null ? "unsure what" : codebook.getName(current.label)} at {formatTimecode(current.start_ms)}
          </button>
          <span className="faint">{current.batch.name}, score {current.score.toFixed(2)}</span>
          {current.doubts.length > 0 && <ul className="doubts" aria-label="What is unsure">{current.doubts.map((one) => <li key={one}>{one}</li>)}</ul>}
          <div className="row">
            <button type="button" onClick={confirm}>Confirm <kbd>A</kbd></button>
            <button type="button" onClick={reject}>Reject <kbd>D</kbd></button>
          </div>
        </div>
      )}
    </section>
  );
}
