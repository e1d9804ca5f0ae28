/** Stage 2: every sub-action of a routine, and its set; a vault's in stages. */

import { useCallback, useMemo } from "react";
import { listSegments } from "../commands/marking";
import type { Segment } from "../commands/model";
import { Bench } from "../work/bench";
import { CommentList } from "../work/comments";
import { useEditor, useLog, useWork } from "../work/context";
import { GhostPanel, useGhosts } from "../work/ghosts";
import { LabelChoices } from "../work/label_choices";
import { MarkTools } from "../work/mark_tools";
import { SegmentList } from "../work/segment_list";
import { countKept, SignOff, useSignOff } from "../work/sign_off";

export function SubActionsPage() {
  const { codebook, editor, pass, project } = useWork();
  const { content } = useLog();
  const { selectedId } = useEditor();
  const event = pass.item.action?.label ?? null;
  const choices = useMemo(() => codebook.listSets(event).map((one, k) => ({ id: one.id, name: one.name, hue: k })), [codebook, event]);
  const describe = useCallback((segment: { label: string | null; discard?: string | null }) => {
    const setId = codebook.getSetId(segment.label);
    const at = choices.findIndex((one) => one.id === setId);
    return { text: segment.label === null ? (segment.discard ?? "no set yet") : codebook.getName(segment.label), hue: at < 0 ? null : at };
  }, [choices, codebook]);
  const numStages = event === null ? 1 : (project.settings.stages_of_event?.[event] ?? 1);
  const subActions = useMemo(() => listSegments(content, "sub-action"), [content]);
  const countStages = (segment: Segment): number => listSegments(content, "stage", segment.id).length;
  const gaps = subActions.filter((one) => one.discard === null).flatMap((one) => [
    ...(one.label === null ? [`the sub-action at frame ${one.start_frame} has no set`] : []),
    ...(numStages > 1 && countStages(one) !== numStages ? [`the sub-action at frame ${one.start_frame} has ${countStages(one)} of ${numStages} stages`] : []),
  ]);
  const facts = { claim: `All sub-actions found: ${countKept(subActions)}.`, gaps };
  const signOff = useSignOff(facts);
  const select = useCallback((id: string) => editor.select(id), [editor]);
  const ghosts = useGhosts();
  const setId = codebook.getSetId(selectedId === null ? null : (content.segments.get(selectedId)?.label ?? null));
  return (
    <Bench
      title="Sub-actions" describe={describe} canMark signOff={signOff} guidelineKey={setId === null ? (event === null ? null : `event:${event}`) : `set:${setId}`}
      onDigit={(digit) => { const choice = choices[digit - 1]; if (choice !== undefined) void editor.label(choice.id); }}
      handlers={{ confirm_ghost: ghosts.confirm, reject_ghost: ghosts.reject, cut_stage: () => void editor.cutStage() }}
      panel={
        <>
          <MarkTools hasStages={numStages > 1} />
          <LabelChoices choices={choices} title="Set" />
          <h2>Sub-actions <span className="count">{subActions.length}</span></h2>
          <SegmentList
            segments={subActions} selectedId={selectedId} onSelect={select} describe={describe} empty="None yet. Mark the first frame of a sub-action with I, its last with O."
            mark={(one) => (numStages > 1 ? <span className="badge">{countStages(one)}/{numStages} stages</span> : null)}
          />
          <GhostPanel />
          <CommentList />
          <SignOff facts={facts} act={signOff} />
        </>
      }
    />
  );
}
