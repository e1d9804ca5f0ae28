/**
 * The work bench: what the pages of all stages look like. Video and boundaries to the left, the stage's own panel to the
 * right, filmstrip and timeline below, and one keyboard for all of it.
 */

import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import type { PassDetail } from "../api/types";
import { describePart } from "../pages/project";
import type { LaneBar } from "../timeline/draw";
import { PersonMenu, useTitle } from "../parts/shell";
import { AdjudicationPanel } from "./adjudication_panel";
import { useAdjudicator } from "./adjudicator";
import { Boundaries } from "./boundaries";
import { CommentBox } from "./comments";
import { useEditor, useLog, usePlayer, useWork } from "./context";
import { DiscardDialog } from "./discard";
import { EffectsDialog } from "./effects";
import { ExamBanner, FeedbackBox } from "./exam_box";
import { Filmstrip } from "./filmstrip";
import { GoToDialog } from "./go_to";
import { GuidelinesPanel } from "./guidelines";
import { HistoryDialog } from "./history";
import { ReviewBox } from "./review_box";
import { Notices, SaveBadge } from "./save_state";
import { ShortcutSheet } from "./shortcuts";
import { TimelineView, useTimelineHandle } from "./timeline_view";
import { useHeartbeat } from "./heartbeat";
import { useKeys, type Handlers } from "./use_keys";
import { VideoView } from "./video_view";

type Open = "shortcuts" | "discard" | "comment" | "go_to" | "history" | null;

interface Props {
  readonly title: string;
  /** The stage's panel. */
  readonly panel: ReactNode;
  /** What the stage's keys do besides the common ones. */
  readonly handlers?: Handlers;
  readonly onDigit?: (digit: number) => void;
  readonly describe: (segment: { readonly label: string | null; readonly is_no_element: boolean }) => Pick<LaneBar, "text" | "hue">;
  readonly canMark: boolean;
  readonly guidelineKey: string | null;
  readonly signOff: () => void;
}

export function Bench(props: Props) {
  const { pass, project, editor, player, keys, guideline, showGuideline } = useWork();
  const [open, setOpen] = useState<Open>(null);
  const [isMagnified, setIsMagnified] = useState(false);
  const timeline = useTimelineHandle();
  const adjudicator = useAdjudicator(timeline);
  useTitle(props.title);
  const isLost = useHeartbeat();
  const toggleMagnifier = (): void => setIsMagnified(!isMagnified);
  const hasGuidelines = guideline !== null;
  const toggleGuidelines = (): void => showGuideline(hasGuidelines ? null : "");
  const editing: Handlers = props.canMark ? {
    mark_start: () => void editor.markStart(), mark_end: () => void editor.markEnd(), cancel_mark: () => editor.cancelMark(),
    set_start: () => void editor.setEdge("start"), set_end: () => void editor.setEdge("end"),
    start_earlier: () => void editor.nudge("start", -1), start_later: () => void editor.nudge("start", 1),
    end_earlier: () => void editor.nudge("end", -1), end_later: () => void editor.nudge("end", 1),
    split: () => void editor.split(), merge: () => void editor.merge(), delete: () => void editor.remove(),
  } : {};
  useKeys(keys, {
    toggle: () => player.toggle(), pause: () => player.pause(), shuttle_back: () => player.shuttle(-1), shuttle_forward: () => player.shuttle(1),
    step_back: () => void player.step(-1), step_forward: () => void player.step(1),
    step_back_10: () => void player.step(-10), step_forward_10: () => void player.step(10),
    slower: () => player.changeRate(-1), faster: () => player.changeRate(1), loop: () => editor.toggleLoop(),
    previous_boundary: () => editor.goToBoundary(-1), next_boundary: () => editor.goToBoundary(1),
    previous_segment: () => editor.selectNeighbour(-1), next_segment: () => editor.selectNeighbour(1),
    go_start: () => editor.goToItem("start"), go_end: () => editor.goToItem("end"),
    zoom_in: () => timeline.current?.zoomBy(2), zoom_out: () => timeline.current?.zoomBy(0.5), zoom_all: () => timeline.current?.showAll(),
    discard: () => (editor.getSelected() === null ? editor.say("Select a segment first.", "error") : setOpen("discard")),
    undo: () => void editor.undo(), redo: () => void editor.redo(), comment: () => setOpen("comment"), sign_off: props.signOff,
    go_to: () => setOpen("go_to"),
    history: () => (editor.getSelected() === null ? editor.say("Select a segment first.", "error") : setOpen("history")),
    magnifier: toggleMagnifier, guidelines: toggleGuidelines, shortcuts: () => setOpen("shortcuts"),
    ...editing, ...props.handlers, ...adjudicator?.handlers,
  }, adjudicator?.onDigit ?? props.onDigit);
  return (
    <div className="bench">
      <a className="skip" href="#panel">Skip to the segments</a>
      <header className="topbar">
        <Link href="/" className="brand">finegym</Link>
        <nav aria-label="Where you are"><ol className="crumbs">
          <li><Link href={`/projects/${project.id}${getWayBack(pass)}`}>{project.name}</Link></li>
          <li>{pass.item.record.name}</li>
          <li><h1 className="crumb-title">{pass.kind === "adjudication" ? `Adjudication, ${props.title.toLowerCase()}` : props.title}: {describePart(pass.item)}</h1></li>
        </ol></nav>
        <span className="grow" />
        <SaveBadge />
        <button type="button" className="quiet" aria-pressed={hasGuidelines} onClick={toggleGuidelines}>Guidelines</button>
        <button type="button" className="quiet" onClick={() => setOpen("shortcuts")}>Keys <kbd>?</kbd></button>
        <PersonMenu />
      </header>
      <Notices />
      <ExamBanner />
      {isLost && <p className="banner" role="alert">This item was kept for you until its time ran out, and others have taken the place. What you do still counts; ask the lead before you go on.</p>}
      {pass.state === "returned" && <p className="banner" role="status">A reviewer returned this: see the comments beside the video.</p>}
      <main className={`bench-main ${hasGuidelines ? "with-guidelines" : ""} ${adjudicator === null ? "" : "with-differences"}`}>
        <section className="stage-view" aria-label="Video">
          <VideoView isMagnified={isMagnified} onMagnify={toggleMagnifier} />
          <Transport />
          <Boundaries />
        </section>
        <section className="panel" id="panel" aria-label={props.title} tabIndex={-1}>
          <FeedbackBox />
          {adjudicator === null ? props.panel : <AdjudicationPanel adjudicator={adjudicator} byHand={props.panel} describe={props.describe} signOff={props.signOff} />}
          <ReviewBox />
        </section>
        {hasGuidelines && <GuidelinesPanel first={guideline === "" ? props.guidelineKey : guideline} onClose={toggleGuidelines} />}
      </main>
      <section className="strip" aria-label="Timeline">
        <Filmstrip timeline={timeline} />
        <TimelineView handle={timeline} describe={props.describe} canMark={props.canMark} onLane={adjudicator?.showUnitOf} />
      </section>
      <Status />
      {open === "shortcuts" && <ShortcutSheet onClose={() => setOpen(null)} />}
      {open === "discard" && <DiscardDialog onClose={() => setOpen(null)} />}
      {open === "go_to" && <GoToDialog onClose={() => setOpen(null)} />}
      {open === "history" && <HistoryDialog segmentId={editor.getState().selectedId!} onClose={() => setOpen(null)} />}
      {open === "comment" && <CommentBox onClose={() => setOpen(null)} />}
      <EffectsDialog />
    </div>
  );
}

/** Where one came from: the exams, what waits for a reviewer, or the work list. */
function getWayBack(pass: PassDetail): string {
  if (pass.exam !== null) return "/exams";
  return pass.kind === "adjudication" ? "/comparisons" : "";
}

/** Buttons for what the keys do, for those who have no keyboard at hand or want to see what there is. */
function Transport() {
  const { player, editor } = useWork();
  const { isPlaying, rate, loop } = usePlayer();
  return (
    <div className="transport" role="toolbar" aria-label="Playing">
      <button type="button" title="Ten frames back (Shift ←)" aria-label="Ten frames back" onClick={() => void player.step(-10)}>«</button>
      <button type="button" title="One frame back (←)" aria-label="One frame back" onClick={() => void player.step(-1)}>‹</button>
      <button type="button" className="play" title="Play or pause (space)" aria-label={isPlaying ? "Pause" : "Play"} onClick={() => player.toggle()}>{isPlaying ? "❚❚" : "▶"}</button>
      <button type="button" title="One frame forward (→)" aria-label="One frame forward" onClick={() => void player.step(1)}>›</button>
      <button type="button" title="Ten frames forward (Shift →)" aria-label="Ten frames forward" onClick={() => void player.step(10)}>»</button>
      <button type="button" title="Loop the selected segment (P)" aria-pressed={loop !== null} onClick={() => editor.toggleLoop()}>Loop</button>
      <span className="rate">
        <button type="button" title="Slower (-)" aria-label="Slower" onClick={() => player.changeRate(-1)}>−</button>
        <output aria-label="Speed">{rate < 0 ? "−" : ""}{Math.abs(rate)}×</output>
        <button type="button" title="Faster (=)" aria-label="Faster" onClick={() => player.changeRate(1)}>+</button>
      </span>
    </div>
  );
}

/** One line below everything: what just happened, read out by screen readers. */
function Status() {
  const { message, openMark } = useEditor();
  const { failure } = usePlayer();
  const { isLasting } = useLog();
  const text = failure ?? message?.text ?? (openMark === null ? "" : `Open start at frame ${openMark.frame}.`);
  const isError = failure !== null || message?.tone === "error";
  return (
    <footer className={isError ? "status error" : "status"}>
      <p role={isError ? "alert" : "status"}>{text}</p>
      {!isLasting && <p className="warn">This browser keeps no unsent work over a reload. Wait for “saved” before you leave.</p>}
    </footer>
  );
}
