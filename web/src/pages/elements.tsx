/** Stage 3: each sub-action's element, by walking its set's tree. */

import { useCallback, useEffect, useMemo, useState } from "react";
import { listSegments } from "../commands/marking";
import type { Answer, PathStep, Segment } from "../commands/model";
import { walk } from "../tree/walk";
import { Bench } from "../work/bench";
import { CommentList } from "../work/comments";
import { useEditor, useLog, useWork } from "../work/context";
import { SegmentList } from "../work/segment_list";
import { SignOff, useSignOff } from "../work/sign_off";
import { NameDialog, WalkPanel } from "../work/walk_panel";

export function ElementsPage() {
  const { codebook, editor, player } = useWork();
  const { content, version } = useLog();
  const { selectedId } = useEditor();
  const [isNaming, setIsNaming] = useState(false);
  const subActions = useMemo(() => listSegments(content, "sub-action"), [content]);
  const hues = useMemo(() => new Map(codebook.data.sets.map((one) => [one.id, codebook.listSets(one.event_id).findIndex((other) => other.id === one.id)])), [codebook]);
  const describe = useCallback((segment: { label: string | null; is_no_element: boolean }) => {
    const setId = codebook.getSetId(segment.label);
    const text = segment.label === null ? "no set" : codebook.getName(segment.label);
    return { text: segment.is_no_element ? `${text}: no such element` : text, hue: setId === null ? null : (hues.get(setId) ?? null) };
  }, [codebook, hues]);
  const isDone = useCallback((one: Segment): boolean => {
    const tree = codebook.getTree(codebook.getSetId(one.label) ?? "");
    if (one.discard !== null || tree === null || codebook.getElement(one.label ?? "") !== null) return true;
    return one.is_no_element || walk(tree, one.path).isDeadEnd;
  }, [codebook]);
  const segment = selectedId === null ? undefined : content.segments.get(selectedId);
  const setId = codebook.getSetId(segment?.label ?? null);
  const tree = setId === null ? null : codebook.getTree(setId);
  const state = tree === null || segment === undefined ? null : walk(tree, segment.path);

  // Begin with the first that has no element yet; where all have one (in review), with the first.
  useEffect(() => {
    if (editor.getState().selectedId !== null) return;
    const open = subActions.find((one) => !isDone(one));
    if (open !== undefined) show(open.id);
    else if (subActions[0] !== undefined) editor.select(subActions[0].id);
  }, [version, subActions.length]);

  const show = (id: string): void => {
    editor.select(id);
    editor.loopSelected();
    player.play();
  };
  const goToNext = (): void => {
    const at = subActions.findIndex((one) => one.id === selectedId);
    const order = [...subActions.slice(at + 1), ...subActions.slice(0, at + 1)];
    const next = order.find((one) => !isDone(one));
    if (next !== undefined) show(next.id);
    else if (subActions.length > 0) editor.say("Every sub-action has its element. Sign off when you are sure.");
  };
  const setPath = (path: readonly PathStep[], facts: { label?: string | null; byName?: boolean } = {}): void => {
    if (segment === undefined || tree === null || setId === null) return;
    const label = facts.label !== undefined ? facts.label : walk(tree, path).element;
    const payload = { segment_id: segment.id, set_id: setId, path, label, ...(facts.byName ? { by_name: true } : {}) };
    void editor.run({ kind: "do", title: "Answer", changes: [{ kind: "set_path", payload }] });
  };
  const answer = (given: Answer): void => {
    if (segment === undefined) return editor.say("Select a sub-action first.", "error");
    if (state?.query == null) return editor.say("This walk is at its end. Press B to take an answer back, or Enter for the next.");
    setPath([...segment.path, { query: state.query, answer: given }]);
  };
  const back = (): void => {
    if (segment?.is_no_element && state?.isDeadEnd === false) setPath(segment.path); // said outright: take that back first
    else if (segment !== undefined && segment.path.length > 0) setPath(segment.path.slice(0, -1));
    else editor.say("There is no answer to take back.");
  };
  const gaps = subActions.filter((one) => !isDone(one)).map((one) => `the sub-action at frame ${one.start_frame} has no element`);
  const facts = { claim: subActions.length === 1 ? "The one element named." : `All ${subActions.length} elements named.`, gaps };
  const signOff = useSignOff(facts);
  return (
    <>
      <Bench
        title="Elements" describe={describe} canMark={false} signOff={signOff} guidelineKey={setId === null ? null : `set:${setId}`}
        handlers={{
          answer_yes: () => answer("yes"), answer_no: () => answer("no"), answer_unsure: () => answer("unsure"), answer_back: back,
          next_open: goToNext, by_name: () => setIsNaming(true), no_element: () => setPath(segment?.path ?? [], { label: null, byName: true }),
        }}
        panel={
          <>
            {segment !== undefined && state !== null && (
              <WalkPanel segment={segment} state={state} setId={setId!} isDone={isDone(segment)} onAnswer={answer} onBack={back} onNext={goToNext} onName={() => setIsNaming(true)} />
            )}
            {segment !== undefined && state === null && <p className="note">The set of this sub-action has no tree: there is nothing to ask.</p>}
            <h2>Sub-actions <span className="count">{subActions.length - gaps.length} of {subActions.length}</span></h2>
            <SegmentList segments={subActions} selectedId={selectedId} onSelect={show} describe={describe} empty="This routine has no sub-actions."
              mark={(one) => (isDone(one) ? <span className="badge accepted">done</span> : null)} />
            <CommentList />
            <SignOff facts={facts} act={signOff} />
          </>
        }
      />
      {isNaming && segment !== undefined && setId !== null && (
        <NameDialog setId={setId} path={segment.path} onClose={() => setIsNaming(false)} onChoose={(path, element) => { setIsNaming(false); setPath(path, { label: element, byName: true }); }} />
      )}
    </>
  );
}
