/** Go to a frame or a time that somebody wrote down. */

import { useState, type FormEvent } from "react";
import { Dialog } from "../parts/dialog";
import { parseMoment } from "../player/timecode";
import { useWork } from "./context";

export function GoToDialog({ onClose }: { onClose: () => void }) {
  const { player, map } = useWork();
  const [typed, setTyped] = useState("");
  const moment = parseMoment(typed);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (moment === null) return;
    void player.seek(moment.kind === "frame" ? map.findIndexOfRecordFrame(moment.frame) : map.findIndexOfRecordMs(moment.ms));
    onClose();
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Frame of the record (1234), or a time on its clock (1:02.5)<input value={typed} onChange={(event) => setTyped(event.target.value)} /></label>
        <div className="row end"><button type="submit" className="primary" disabled={moment === null}>Go</button></div>
      </form>
    </Dialog>
  );
}
