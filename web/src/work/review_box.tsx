/** A reviewer's side of the bench: accept, return with a comment at this moment, or correct with a reason. */

import { useState } from "react";
import { useLocation } from "wouter";
import { useReview } from "../api/lead_queries";
import { FormError } from "../parts/feedback";
import { isOwn, useLog, useWork } from "./context";

export function ReviewBox() {
  const { pass, project, player, transport } = useWork();
  const { version, save, content } = useLog();
  const review = useReview(project.id, pass.id);
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  if (!pass.can_review || (isOwn(pass) && !content.isSignedOff)) return null;
  const decide = (decision: "accept" | "return"): void => {
    const frame = player.getState().frame ?? pass.item.start_frame;
    review.mutate(
      { version, decision, ...(text.trim() === "" ? {} : { comment: { text, frame } }) },
      { onSuccess: () => navigate(`/projects/${project.id}/review`) },
    );
  };
  const isBusy = review.isPending || save.kind !== "saved";
  return (
    <section className="review" aria-labelledby="review">
      <h2 id="review">Review of {pass.person.name}'s work</h2>
      {!pass.is_mine && pass.can_write && (
        <label className="form">Reason of corrections (needed before you change anything)
          <input value={reason} onChange={(event) => { setReason(event.target.value); transport.reason = event.target.value.trim() || null; }} />
        </label>
      )}
      <label className="form">Comment, pinned to the frame on screen<textarea rows={2} value={text} onChange={(event) => setText(event.target.value)} /></label>
      <FormError error={review.error} />
      <div className="row end">
        <button type="button" disabled={isBusy || text.trim() === ""} onClick={() => decide("return")}>Return</button>
        <button type="button" className="primary" disabled={isBusy || !content.isSignedOff} onClick={() => decide("accept")}>Accept</button>
      </div>
    </section>
  );
}
