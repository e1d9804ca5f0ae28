/** Remarks pinned to a moment: written here, and listed where they are. */

import { useState, type FormEvent } from "react";
import { Dialog } from "../parts/dialog";
import { formatTimecode } from "../player/timecode";
import { useLog, useWork } from "./context";

export function CommentBox({ onClose }: { onClose: () => void }) {
  const { log, player, map, editor } = useWork();
  const [text, setText] = useState("");
  const frame = player.getState().frame;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const segment = editor.getSelected();
    void log.run("Comment", [{
      kind: "comment",
      payload: { comment_id: crypto.randomUUID(), text, ...(frame === null ? {} : { frame }), ...(segment === null ? {} : { segment_id: segment.id }) },
    }]);
    onClose();
  };
  return (
    <Dialog title={frame === null ? "Comment" : `Comment at ${formatTimecode(map.getRecordMs(frame))}, frame ${frame}`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>What should others know?<textarea required maxLength={2000} rows={4} value={text} onChange={(event) => setText(event.target.value)} /></label>
        <div className="row end"><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary">Pin it</button></div>
      </form>
    </Dialog>
  );
}

export function CommentList() {
  const { log, player, map } = useWork();
  const { content } = useLog();
  const open = content.comments.filter((one) => one.is_resolved !== true);
  if (open.length === 0) return null;
  return (
    <section className="comments" aria-labelledby="comments">
      <h2 id="comments">Comments <span className="count">{open.length}</span></h2>
      <ul>
        {open.map((one) => (
          <li key={one.id}>
            <p>{one.text}</p>
            <p className="row faint">
              <span>{one.author?.name ?? "you"}</span>
              {one.frame !== null && <button type="button" className="quiet" onClick={() => void player.seekRecordFrame(one.frame!)}>{formatTimecode(map.getRecordMs(one.frame))}</button>}
              <button type="button" className="quiet" onClick={() => void log.run("Resolve a comment", [{ kind: "resolve_comment", payload: { comment_id: one.id } }])}>Dealt with</button>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
