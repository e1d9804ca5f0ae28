/** The tree walk: the query, its answers with their references, the path so far, and what is left. */

import { useState } from "react";
import { useGuideline } from "../api/queries";
import type { Answer, PathStep, Segment } from "../commands/model";
import { Dialog } from "../parts/dialog";
import { findByName, getPaths, type WalkState } from "../tree/walk";
import { useWork } from "./context";
import { MediaList } from "./guidelines";

interface Props {
  readonly segment: Segment;
  readonly state: WalkState;
  readonly setId: string;
  readonly isDone: boolean;
  readonly onAnswer: (answer: Answer) => void;
  readonly onBack: () => void;
  readonly onNext: () => void;
  readonly onName: () => void;
}

export function WalkPanel({ segment, state, setId, isDone, onAnswer, onBack, onNext, onName }: Props) {
  const { codebook } = useWork();
  return (
    <section className="walk" aria-label="Tree walk">
      <h2 className="walk-set">{codebook.getName(setId)}</h2>
      <div aria-live="polite">
        {state.query !== null && !isDone
          ? <p className="walk-query">{codebook.getQueryText(state.query)}</p>
          : <Outcome segment={segment} state={state} />}
      </div>
      {state.query !== null && !isDone && (
        <>
          <div className="walk-answers">
            <button type="button" onClick={() => onAnswer("yes")}>Yes <kbd>Y</kbd></button>
            <button type="button" onClick={() => onAnswer("no")}>No <kbd>N</kbd></button>
            <button type="button" onClick={() => onAnswer("unsure")}>Unsure <kbd>U</kbd></button>
          </div>
          <References query={state.query} />
        </>
      )}
      <div className="row">
        <button type="button" disabled={segment.path.length === 0} onClick={onBack}>Back <kbd>B</kbd></button>
        <button type="button" onClick={onName}>By name <kbd>/</kbd></button>
        <span className="grow" />
        <button type="button" className={isDone ? "primary" : ""} onClick={onNext}>Next <kbd>↵</kbd></button>
      </div>
      <Path path={segment.path} />
      {!isDone && <Candidates candidates={state.candidates} />}
    </section>
  );
}

function Outcome({ segment, state }: { segment: Segment; state: WalkState }) {
  const { codebook } = useWork();
  const element = codebook.getElement(segment.label ?? "");
  if (element !== null) {
    return (
      <p className="walk-result">
        <strong>{element.name}</strong>
        {element.difficulty_code != null && <span className="faint">difficulty {element.difficulty_code}</span>}
      </p>
    );
  }
  if (segment.is_no_element || state.isDeadEnd) return <p className="walk-result"><strong>No such element</strong></p>;
  if (state.isUndecided) return <p className="walk-result">The footage does not tell these apart. Choose by name, or say why in a comment.</p>;
  return <p className="walk-result faint">Nothing is left to ask.</p>;
}

/** What the lead attached to each answer. */
function References({ query }: { query: string }) {
  const { project } = useWork();
  const page = useGuideline(project.id, `query:${query}`);
  const media = page.data?.media ?? [];
  if (page.data == null) return null;
  return (
    <div className="references">
      {page.data.text !== "" && <p className="faint">{page.data.text}</p>}
      {(["yes", "no"] as const).map((answer) => {
        const shown = media.filter((one) => one.answer === answer);
        return shown.length === 0 ? null : <section key={answer} aria-label={`Examples of ${answer}`}><h3>{answer === "yes" ? "Yes" : "No"}</h3><MediaList media={shown} /></section>;
      })}
    </div>
  );
}

function Path({ path }: { path: readonly PathStep[] }) {
  const { codebook } = useWork();
  if (path.length === 0) return null;
  return (
    <section aria-labelledby="path">
      <h3 id="path">Path so far</h3>
      <ol className="path">
        {path.map((step, k) => <li key={k}><span>{codebook.getQueryText(step.query)}</span><strong className={`answer ${step.answer}`}>{step.answer}</strong></li>)}
      </ol>
    </section>
  );
}

const SHOWN = 12;

function Candidates({ candidates }: { candidates: readonly string[] }) {
  const { codebook } = useWork();
  return (
    <section aria-labelledby="candidates">
      <h3 id="candidates">Candidates left <span className="count">{candidates.length}</span></h3>
      <ul className="candidates" tabIndex={0} aria-labelledby="candidates">
        {candidates.slice(0, SHOWN).map((id) => <li key={id}>{codebook.getName(id)}</li>)}
        {candidates.length > SHOWN && <li className="faint">and {candidates.length - SHOWN} more</li>}
      </ul>
    </section>
  );
}

export function NameDialog({ setId, path, onClose, onChoose }: {
  setId: string; path: readonly PathStep[]; onClose: () => void; onChoose: (path: readonly PathStep[], element: string | null) => void;
}) {
  const { codebook } = useWork();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const tree = codebook.getTree(setId);
  const paths = tree === null ? new Map<string, readonly PathStep[]>() : getPaths(tree);
  const found = findByName(codebook.listElements(setId), typed).slice(0, 50);
  const choose = (id: string): void => onChoose(paths.get(id) ?? [], id);
  return (
    <Dialog title="Jump by name" onClose={onClose}>
      <label className="form">Any words of the element's name
        <input
          role="combobox" aria-expanded="true" aria-controls="names" aria-activedescendant={found[at] ? `name-${found[at].id}` : undefined}
          value={typed} onChange={(event) => { setTyped(event.target.value); setAt(0); }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1));
            else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
            else if (event.key === "Enter" && found[at] !== undefined) choose(found[at].id);
            else return;
            event.preventDefault();
          }}
        />
      </label>
      <ul className="names" role="listbox" id="names" aria-label="Elements">
        {found.map((one, k) => (
          <li key={one.id} id={`name-${one.id}`} role="option" aria-selected={k === at} onClick={() => choose(one.id)} onPointerMove={() => setAt(k)}>
            <span>{one.name}</span><span className="faint">{one.difficulty_code ?? ""}</span>
          </li>
        ))}
      </ul>
      <div className="row end"><button type="button" onClick={() => onChoose(path, null)}>No such element</button></div>
    </Dialog>
  );
}
