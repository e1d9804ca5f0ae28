/** An exam on the bench: which question this is, and in a training set what is right about the answer. */

import { useLocation } from "wouter";
import { useForget } from "../api/lead_queries";
import { useFeedback } from "../api/quality_queries";
import type { Feedback, FeedbackUnit } from "../api/quality_types";
import type { Segment } from "../commands/model";
import { Failure } from "../parts/feedback";
import { formatTimecode } from "../player/timecode";
import { describeVerdict, formatScore } from "../quality/exam_words";
import { walk } from "../tree/walk";
import { useEditor, useLog, useWork, type Work } from "./context";

export function ExamBanner() {
  const { pass } = useWork();
  if (pass.exam === null) return null;
  const { name, kind, number, count, has_feedback: hasFeedback } = pass.exam;
  if (kind === "silent") return <p className="banner exam" role="status">A silent gold item: whoever does it takes it for work.</p>;
  const place = `${kind === "training" ? "Training" : "Pretest"}: ${name}, question ${number} of ${count}.`;
  if (!pass.is_mine) return <p className="banner exam" role="status"><strong>{place}</strong> The answer of {pass.person.name}, and what is right about it.</p>;
  return (
    <p className="banner exam" role="status">
      <strong>{place}</strong> {hasFeedback ? "What is right about your answers stands beside the video." : "Answers count when they are handed in."} What is handed in stays.
    </p>
  );
}

/** What the server says about the answer as it is saved. */
export function useExamFeedback() {
  const { pass } = useWork();
  const { version, save } = useLog();
  return useFeedback(pass.id, version, pass.exam?.has_feedback === true && save.kind === "saved" && version > 0);
}

export function FeedbackBox() {
  const { pass } = useWork();
  const { content } = useLog();
  const { selectedId } = useEditor();
  const asked = useExamFeedback();
  if (pass.exam?.has_feedback !== true) return null;
  if (asked.isError) return <Failure error={asked.error} retry={() => void asked.refetch()} />;
  const feedback = asked.data;
  const mine = feedback?.units.find((one) => one.segment_id !== null && one.segment_id === selectedId);
  return (
    <section className="feedback" aria-label="What is right" aria-live="polite">
      {feedback !== undefined && content.isSignedOff ? <Graded feedback={feedback} />
        : mine === undefined ? <p className="faint">{selectedId === null ? "Mark or choose a segment: what is right about it stands here." : "Nothing to say about this one yet."}</p>
          : <Unit unit={mine} />}
    </section>
  );
}

function Graded({ feedback }: { feedback: Feedback }) {
  const { showGuideline } = useWork();
  const numRight = feedback.units.filter((one) => one.verdict === "right").length;
  return (
    <>
      <h2>{numRight} of {feedback.units.length} right <span className="count">{formatScore(feedback.score)}</span></h2>
      {feedback.note !== "" && <p className="note">{feedback.note}</p>}
      {feedback.guideline_key !== null && <p><button type="button" className="link" onClick={() => showGuideline(feedback.guideline_key)}>The guideline of this item</button></p>}
      <ul className="units">{feedback.units.map((one, k) => <li key={k}><Unit unit={one} isPlaced /></li>)}</ul>
    </>
  );
}

function isDone(segment: Segment | undefined, { codebook, pass }: Pick<Work, "codebook" | "pass">): boolean {
  if (pass.stage !== "elements" || segment === undefined) return true;
  const tree = codebook.getTree(codebook.getSetId(segment.label) ?? "");
  return tree === null || segment.is_no_element || codebook.getElement(segment.label ?? "") !== null || walk(tree, segment.path).isDeadEnd;
}

function Unit({ unit, isPlaced = false }: { unit: FeedbackUnit; isPlaced?: boolean }) {
  const work = useWork();
  const { codebook, editor, player, showGuideline } = work;
  const { content } = useLog();
  const segment = unit.segment_id === null ? undefined : content.segments.get(unit.segment_id);
  const verdict = describeVerdict(unit, isDone(segment, work), { label: (id) => codebook.getName(id), query: (id) => codebook.getQueryText(id) });
  const place = unit.gold ?? segment;
  const go = (): void => {
    if (segment !== undefined) editor.select(segment.id);
    else if (place !== undefined) void player.seekRecordFrame(place.start_frame);
  };
  return (
    <div className={`verdict ${verdict.tone}`}>
      <p className="row">
        <strong>{verdict.title}</strong>
        {isPlaced && place !== undefined && <button type="button" className="quiet" onClick={go}>{formatTimecode(place.start_ms).slice(2)}</button>}
        {verdict.tone === "bad" && (
          <button type="button" className="quiet link" onClick={() => showGuideline(unit.guideline_key)}>Guideline</button>
        )}
      </p>
      {verdict.lines.map((line) => <p key={line}>{line}</p>)}
    </div>
  );
}

/** From one question to the next; behind the last, to what it came to. */
export function NextQuestion() {
  const { pass, project } = useWork();
  const { save } = useLog();
  const [, navigate] = useLocation();
  const forget = useForget(project.id);
  if (pass.exam === null) return null;
  const { next_pass_id: next, attempt_id: attempt } = pass.exam;
  const to = attempt === null ? `/projects/${project.id}` : next === null ? `/projects/${project.id}/attempts/${attempt}` : `/passes/${next}`;
  return <button type="button" className="primary" disabled={save.kind !== "saved"} onClick={() => void forget().then(() => navigate(to))}>{next === null ? "See the result" : "Next question"}</button>;
}
