/** Whether the work is saved, in the corner of the eye; and what the person must know about it. */

import { Dialog } from "../parts/dialog";
import { useLog, useWork } from "./context";

export function SaveBadge() {
  const { log } = useWork();
  const { save } = useLog();
  switch (save.kind) {
    case "saved":
      return <span className="save saved" role="status">Saved</span>;
    case "saving":
      return <span className="save saving" role="status">Saving {save.count} …</span>;
    case "waiting":
      return (
        <span className="save waiting" role="status" title={save.why}>
          Not sent: {save.count}, kept here <button type="button" className="quiet" onClick={log.retry}>Send now</button>
        </span>
      );
    case "logged_out":
      return (
        <span className="save waiting" role="alert">
          Logged out; {save.count} unsent, kept here <a href="/" target="_blank" rel="noreferrer">Log in</a>
          <button type="button" className="quiet" onClick={() => window.location.reload()}>Go on</button>
        </span>
      );
    case "conflict":
      return <span className="save waiting" role="alert">Conflict: {save.count} not sent</span>;
  }
}

export function Notices() {
  const { log } = useWork();
  const { notices, save } = useLog();
  return (
    <>
      {notices.length > 0 && (
        <ul className="notices" aria-label="Notices">
          {notices.map((one) => (
            <li key={one.id} className={one.tone} role={one.tone === "error" ? "alert" : "status"}>
              <span>{one.text}</span>
              <button type="button" className="quiet" onClick={() => log.dismiss(one.id)}>Understood</button>
            </li>
          ))}
        </ul>
      )}
      {save.kind === "conflict" && <ConflictDialog />}
    </>
  );
}

function ConflictDialog() {
  const { log } = useWork();
  const { save } = useLog();
  if (save.kind !== "conflict") return null;
  const { theirs } = save.conflict;
  return (
    <Dialog title="Somebody else changed the same thing" onClose={() => undefined}>
      <p>While you worked, this came in:</p>
      <ul>
        {theirs.slice(0, 12).map((one, k) => <li key={k}>{one.author?.name ?? "Somebody"}: {one.kind.replaceAll("_", " ")}</li>)}
        {theirs.length > 12 && <li>and {theirs.length - 12} more</li>}
        {theirs.length === 0 && <li>a segment that you changed is another version now</li>}
      </ul>
      <p>{save.count} of your commands are not saved. They are kept here until you decide.</p>
      <div className="row end">
        <button type="button" onClick={() => void log.takeTheirs()}>Drop mine, take theirs</button>
        <button type="button" className="primary" onClick={() => void log.keepMine()}>Do mine again on top</button>
      </div>
    </Dialog>
  );
}
