/** What the parts of a work page share: the pass, its player, log and editor. */

import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { post } from "../api/client";
import { makeContent, PassTransport } from "../api/pass_transport";
import type { Adjudication } from "../api/quality_types";
import type { Clip, Me, PassDetail, Preview, Project, Saved, Stage } from "../api/types";
import { CommandLog, type LogState } from "../commands/log";
import type { Place } from "../commands/marking";
import type { Change } from "../commands/model";
import type { Outbox } from "../commands/outbox";
import type { Overrides } from "../keys/keymap";
import type { FrameMap } from "../player/frame_map";
import { Player, type PlayerState } from "../player/player";
import { Stills } from "../player/stills";
import type { Codebook } from "../tree/codebook";
import { Editor, type EditorState } from "./editor";

interface Given {
  readonly pass: PassDetail;
  readonly clip: Clip;
  readonly map: FrameMap;
  readonly codebook: Codebook;
  readonly project: Project;
  readonly person: Me;
  readonly outbox: Outbox;
  readonly chooseClip: (number: number) => void;
}

export interface Question {
  readonly preview: Preview;
  readonly answer: (isAllowed: boolean) => void;
}

export interface Work extends Given {
  readonly video: HTMLVideoElement;
  readonly player: Player;
  readonly log: CommandLog;
  readonly editor: Editor;
  readonly transport: PassTransport;
  readonly stills: Stills;
  readonly keys: Overrides;
  /** What a change would do elsewhere, waiting for an answer. */
  readonly question: Question | null;
  /** The pass's state as the server said last. */
  readonly saved: Saved | null;
  /** The guideline page beside the work: null while none is open, an empty key for that of what is selected. */
  readonly guideline: string | null;
  readonly showGuideline: (key: string | null) => void;
  /** All passes over the item, and what is decided about where they differ; null where this is no adjudication. */
  readonly adjudication: Adjudication | null;
  /** Take in the pass as the server says it is now. */
  readonly takeIn: (pass: PassDetail) => void;
}

const WorkContext = createContext<Work | null>(null);

export function useWork(): Work {
  const work = useContext(WorkContext);
  if (work === null) throw new Error("useWork outside of a work page");
  return work;
}

export function usePlayer(): PlayerState {
  const { player } = useWork();
  return useSyncExternalStore(player.subscribe, player.getState);
}

export function useLog(): LogState {
  const { log } = useWork();
  return useSyncExternalStore(log.subscribe, log.getState);
}

export function useEditor(): EditorState {
  const { editor } = useWork();
  return useSyncExternalStore(editor.subscribe, editor.getState);
}

const LEVELS = { routines: "action", "sub-actions": "sub-action", elements: "sub-action" } as const satisfies Record<Stage, Place["level"]>;

export function getPlace(pass: PassDetail): Place {
  return {
    level: LEVELS[pass.stage], parentId: pass.item.action?.segment_id ?? null,
    bounds: [pass.item.start_frame, pass.item.end_frame],
  };
}

type Parts = Pick<Work, "video" | "player" | "log" | "editor" | "transport" | "stills">;

export function WorkProvider({ children, ...given }: Given & { children: ReactNode }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [saved, setSaved] = useState<Saved | null>(null);
  const ask = useCallback((preview: Preview) => new Promise<boolean>((resolve) => {
    setQuestion({ preview, answer: (isAllowed) => { setQuestion(null); resolve(isAllowed); } });
  }), []);
  const [guideline, showGuideline] = useState<string | null>(null);
  const [adjudication, setAdjudication] = useState(given.pass.adjudication);
  const [parts, setParts] = useState<Parts | null>(null);
  const first = useRef(given);
  useEffect(() => {
    const made = makeParts(first.current, ask, setSaved);
    setParts(made);
    void made.log.open(first.current.pass.version, makeContent(first.current.pass));
    void made.player.seekRecordFrame(first.current.pass.item.start_frame);
    window.addEventListener("online", made.log.retry);
    return () => {
      window.removeEventListener("online", made.log.retry);
      made.log.close();
      made.player.close();
      made.stills.close();
      made.video.removeAttribute("src");
      made.video.load();
    };
  }, [ask]);
  const keys = given.person.preferences["keys"] as Overrides | undefined;
  const takeIn = useCallback((pass: PassDetail): void => {
    parts?.log.takeIn(pass.version, makeContent(pass));
    setAdjudication(pass.adjudication);
  }, [parts]);
  const work = useMemo(
    () => (parts === null ? null : { ...given, ...parts, question, saved, keys: keys ?? {}, guideline, showGuideline, adjudication, takeIn }),
    [parts, question, saved, keys, given, guideline, adjudication, takeIn],
  );
  if (work === null) return null;
  return <WorkContext.Provider value={work}>{children}</WorkContext.Provider>;
}

function makeParts(given: Given, ask: (preview: Preview) => Promise<boolean>, onSaved: (saved: Saved) => void): Parts {
  const { pass, clip, map, codebook, project, person } = given;
  const video = document.createElement("video");
  video.preload = "auto";
  video.playsInline = true;
  video.src = clip.url;
  const player = new Player(video, map);
  const transport = new PassTransport(pass.id, onSaved);
  const log = new CommandLog({
    passId: pass.id, personId: person.id, transport, outbox: given.outbox, clock: (frame) => map.getRecordMs(frame),
    setOfLabel: (label) => codebook.getSetId(label),
  });
  const editor = new Editor(player, log, map, {
    place: getPlace(pass), refuse: () => refuseChange(pass, log, transport), refuseUndo: () => refusePerson(pass, transport),
    leadFrames: project.settings.lead_frames, lagFrames: project.settings.lag_frames,
    guard: (changes) => guardChanges(pass, changes, ask),
  });
  return { video, player, log, editor, transport, stills: new Stills(clip.url, map, 120) };
}

/** Whose changes need no reason: her own work, and adjudications, which any reviewer goes on with. */
export function isOwn(pass: PassDetail): boolean {
  return pass.is_mine || pass.kind === "adjudication";
}

/** The owner changes what is not signed off; a reviewer corrects also what is, and says why. */
function refuseChange(pass: PassDetail, log: CommandLog, transport: PassTransport): string | null {
  const why = refusePerson(pass, transport);
  if (why !== null || !isOwn(pass)) return why;
  return log.getState().content.isSignedOff ? "This is signed off. Take the sign-off back to change it." : null;
}

function refusePerson(pass: PassDetail, transport: PassTransport): string | null {
  if (!pass.can_write) return "You may look at this work, not change it.";
  return isOwn(pass) || transport.reason !== null ? null : "Say why first: fill in the reason of your corrections, under Review.";
}

const FAR_REACHING = new Set(["move_segment", "delete_segment", "merge_segments", "split_segment"]);

/** Before a change of work that others may build upon, ask the server what it does to them, then the person. */
async function guardChanges(pass: PassDetail, changes: readonly Change[], ask: (preview: Preview) => Promise<boolean>): Promise<readonly Change[] | null> {
  const mayReach = pass.state !== "open" && changes.some((one) => FAR_REACHING.has(one.kind));
  if (!mayReach) return changes;
  const operations = changes.map((one) => ({ ...one, uuid: crypto.randomUUID() }));
  const preview = await post<Preview>(`/passes/${pass.id}/preview`, { operations });
  const touched = preview.effects.filter((one) => one.effect !== "unchanged");
  if (touched.length === 0) return changes;
  return (await ask({ ...preview, effects: touched })) ? changes : null;
}
