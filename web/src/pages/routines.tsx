/** Stage 1: every complete routine of a chunk, and its event. */

import { useCallback, useMemo } from "react";
import { listSegments } from "../commands/marking";
import { Bench } from "../work/bench";
import { CommentList } from "../work/comments";
import { useEditor, useLog, useWork } from "../work/context";
import { GhostPanel, useGhosts } from "../work/ghosts";
import { LabelChoices } from "../work/label_choices";
import { MarkTools } from "../work/mark_tools";
import { SegmentList } from "../work/segment_list";
import { countKept, SignOff, useSignOff } from "../work/sign_off";

export function RoutinesPage() {
  const { codebook, editor } = useWork();
  const { content } = useLog();
  const { selectedId } = useEditor();
  const choices = useMemo(() => codebook.data.events.map((one, k) => ({ id: one.id, name: one.name, hue: k })), [codebook]);
  const describe = useCallback((segment: { label: string | null; discard?: string | null }) => {
    const at = choices.findIndex((one) => one.id === segment.label);
    return { text: at < 0 ? (segment.label ?? segment.discard ?? "no event yet") : choices[at]!.name, hue: at < 0 ? null : at };
  }, [choices]);
  const routines = useMemo(() => listSegments(content, "action"), [content]);
  const gaps = routines.filter((one) => one.label === null && one.discard === null).map((one) => `the routine at frame ${one.start_frame} has no event`);
  const facts = { claim: `All routines found: ${countKept(routines)}.`, gaps };
  const signOff = useSignOff(facts);
  const select = useCallback((id: string) => editor.select(id), [editor]);
  const ghosts = useGhosts();
  const selected = selectedId === null ? undefined : content.segments.get(selectedId);
  return (
    <Bench
      title="Routines" describe={describe} canMark signOff={signOff} guidelineKey={selected?.label == null ? "stage:routines" : `event:${selected.label}`}
      onDigit={(digit) => { const choice = choices[digit - 1]; if (choice !== undefined) void editor.label(choice.id); }}
      handlers={{ confirm_ghost: ghosts.confirm, reject_ghost: ghosts.reject }}
      panel={
        <>
          <MarkTools />
          <LabelChoices choices={choices} title="Event" />
          <h2>Routines <span className="count">{routines.length}</span></h2>
          <SegmentList segments={routines} selectedId={selectedId} onSelect={select} describe={describe} empty="None yet. Mark the first frame of a routine with I, its last with O." />
          <GhostPanel />
          <CommentList />
          <SignOff facts={facts} act={signOff} />
        </>
      }
    />
  );
}
