/** Buttons for marking and editing, with their keys; the same that the keyboard does. */

import type { ActionId } from "../keys/keymap";
import { listKeys } from "../keys/keymap";
import { useEditor, useLog, useWork } from "./context";
import { showKey } from "./shortcuts";

interface Tool {
  readonly id: ActionId;
  readonly title: string;
  readonly act: () => void;
  readonly isOff?: boolean;
}

export function MarkTools({ hasStages = false }: { hasStages?: boolean }) {
  const { editor, keys } = useWork();
  const { openMark, selectedId } = useEditor();
  const { undoTitle, redoTitle, content } = useLog();
  const current = listKeys(keys);
  const none = selectedId === null || !content.segments.has(selectedId);
  const groups: { name: string; tools: Tool[] }[] = [
    { name: "New", tools: [
      { id: "mark_start", title: openMark === null ? "Start here" : "Start here instead", act: () => void editor.markStart() },
      { id: "mark_end", title: "End here", act: () => void editor.markEnd(), isOff: openMark === null },
    ] },
    { name: "Start", tools: [
      { id: "start_earlier", title: "−1", act: () => void editor.nudge("start", -1), isOff: none },
      { id: "start_later", title: "+1", act: () => void editor.nudge("start", 1), isOff: none },
      { id: "set_start", title: "here", act: () => void editor.setEdge("start"), isOff: none },
    ] },
    { name: "End", tools: [
      { id: "end_earlier", title: "−1", act: () => void editor.nudge("end", -1), isOff: none },
      { id: "end_later", title: "+1", act: () => void editor.nudge("end", 1), isOff: none },
      { id: "set_end", title: "here", act: () => void editor.setEdge("end"), isOff: none },
    ] },
    { name: "Edit", tools: [
      { id: "split", title: "Split", act: () => void editor.split(), isOff: none },
      { id: "merge", title: "Merge", act: () => void editor.merge(), isOff: none },
      ...(hasStages ? [{ id: "cut_stage", title: "Cut stage", act: () => void editor.cutStage(), isOff: none } as const] : []),
      { id: "delete", title: "Delete", act: () => void editor.remove(), isOff: none },
      { id: "undo", title: "Undo", act: () => void editor.undo(), isOff: undoTitle === null },
      { id: "redo", title: "Redo", act: () => void editor.redo(), isOff: redoTitle === null },
    ] },
  ];
  return (
    <div className="tools" role="toolbar" aria-label="Marking">
      {groups.map(({ name, tools }) => (
        <div className="tool-group" key={name} role="group" aria-label={name}>
          <span className="tool-name" aria-hidden="true">{name}</span>
          {tools.map((tool) => (
            <button key={tool.id} type="button" disabled={tool.isOff === true} onClick={tool.act}>
              {(name === "Start" || name === "End") && <span className="visually-hidden">{name}</span>}{tool.title} {current.get(tool.id)![0] !== undefined && <kbd>{showKey(current.get(tool.id)![0]!)}</kbd>}
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}
