/** "All found": said on purpose, so that what nobody looked at is never mistaken for empty. */

import { useLocation } from "wouter";
import { useTakeNext } from "../api/queries";
import type { PassDetail } from "../api/types";
import type { Segment } from "../commands/model";
import { FormError } from "../parts/feedback";
import { isOwn, useLog, useWork } from "./context";
import { NextQuestion } from "./exam_box";

export interface SignOffFacts {
  /** What is said by signing off. */
  readonly claim: string;
  /** What is missing yet. */
  readonly gaps: readonly string[];
}

/** How many there are, and how many were discarded: `2, and 1 discarded`. */
export function countKept(segments: readonly Segment[]): string {
  const numDiscarded = segments.filter((one) => one.discard !== null).length;
  return `${segments.length - numDiscarded}${numDiscarded === 0 ? "" : `, and ${numDiscarded} discarded`}`;
}

/** Sign off, or take it back; what is missing is said. */
export function useSignOff({ gaps }: SignOffFacts): () => void {
  const { log, editor, pass } = useWork();
  const { content } = useLog();
  return () => {
    if (!pass.can_write) editor.say("You may look at this work, not change it.", "error");
    else if (!isOwn(pass)) editor.say(`Only ${pass.person.name} signs this off. Accept it or return it.`, "error");
    else if (content.isSignedOff && isFinal(pass)) editor.say(pass.exam === null ? "This is decided, and stays." : "What was handed in stays.", "error");
    else if (content.isSignedOff) void log.run("Take the sign-off back", [{ kind: "withdraw_sign_off", payload: {} }]);
    else if (gaps.length > 0) editor.say(`Not yet: ${gaps[0]}${gaps.length > 1 ? ` (and ${gaps.length - 1} more)` : ""}.`, "error");
    else void log.run("Sign off", [{ kind: "sign_off", payload: {} }]);
  };
}

/** What is handed in in an exam, or decided between passes, is not taken back. */
function isFinal(pass: PassDetail): boolean {
  return pass.exam !== null || pass.kind === "adjudication";
}

export function SignOff({ facts, act }: { facts: SignOffFacts; act: () => void }) {
  const { pass } = useWork();
  const { content } = useLog();
  return (
    <div className={content.isSignedOff ? "signoff done" : "signoff"}>
      {content.isSignedOff
        ? <p><strong>{pass.exam === null ? "Signed off." : "Handed in."}</strong>{pass.exam === null && ` ${facts.claim}`}</p>
        : facts.gaps.length === 0 ? <p>{facts.claim}</p> : <p className="faint">{facts.gaps.length} to do: {facts.gaps[0]}.</p>}
      {isOwn(pass) && !(content.isSignedOff && isFinal(pass)) && (
        <button type="button" className={content.isSignedOff || facts.gaps.length > 0 ? "" : "primary"} disabled={!pass.can_write} onClick={act}>
          {content.isSignedOff ? "Take it back" : pass.exam === null ? "Sign off" : "Hand in"} <kbd>Ctrl ↵</kbd>
        </button>
      )}
      {pass.is_mine && content.isSignedOff && (pass.exam !== null ? <NextQuestion /> : pass.kind === "adjudication" ? null : <NextItem />)}
    </div>
  );
}

/** From one item to the next of its stage; where there is none, back to the work list. */
function NextItem() {
  const { pass, project } = useWork();
  const { save } = useLog();
  const take = useTakeNext(project.id);
  const [, navigate] = useLocation();
  const go = (): void =>
    take.mutate(pass.stage, { onSuccess: (next) => navigate(next === null ? `/projects/${project.id}` : `/passes/${next.id}`) });
  return (
    <>
      <button type="button" className="primary" disabled={save.kind !== "saved" || take.isPending} onClick={go}>Next item</button>
      <FormError error={take.error} />
    </>
  );
}
