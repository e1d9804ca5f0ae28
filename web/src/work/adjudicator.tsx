/** Deciding where passes differ: which difference is looked at, what was chosen, and the keys for it. */

import { useCallback, useEffect, useMemo, useRef, useState, type RefObject } from "react";
import { ApiError, get } from "../api/client";
import { useDecide } from "../api/quality_queries";
import type { AdjudicationUnit } from "../api/quality_types";
import type { PassDetail } from "../api/types";
import { findNext, findUnitOf, isDifference, isOpen, listUnits, type Choice } from "../quality/differences";
import type { Timeline } from "../timeline/timeline";
import { useLog, useWork } from "./context";
import type { Handlers } from "./use_keys";

export interface Adjudicator {
  readonly units: readonly AdjudicationUnit[];
  readonly unit: AdjudicationUnit | null;
  readonly choice: Choice | null;
  /** The stage's own tools instead of the differences. */
  readonly isByHand: boolean;
  readonly error: Error | null;
  readonly isBusy: boolean;
  readonly reasonInput: RefObject<HTMLInputElement | null>;
  readonly handlers: Handlers;
  readonly onDigit: ((digit: number) => void) | undefined;
  readonly show: (unit: AdjudicationUnit) => void;
  /** The difference that a segment of a pass is part of. */
  readonly showUnitOf: (passId: string, segmentId: string) => void;
  readonly choose: (choice: Choice) => void;
  readonly decide: (reason: string) => void;
  readonly setByHand: (isByHand: boolean) => void;
}

/** Null where the pass is no adjudication. */
export function useAdjudicator(timeline: RefObject<Timeline | null>): Adjudicator | null {
  const { adjudication, pass, editor, player, takeIn } = useWork();
  const { version, save, content } = useLog();
  const decision = useDecide(pass.id);
  const [unitId, setUnitId] = useState<string | null>(null);
  const [choice, setChoice] = useState<Choice | null>(null);
  const [isByHand, setByHand] = useState(false);
  const reasonInput = useRef<HTMLInputElement>(null);
  const units = useMemo(() => (adjudication === null ? [] : listUnits(adjudication)), [adjudication]);
  const unit = units.find((one) => one.id === unitId) ?? null;

  const show = useCallback((next: AdjudicationUnit): void => {
    setUnitId(next.id);
    setChoice(null);
    const isThere = next.segment_id !== null && content.segments.has(next.segment_id);
    editor.select(isThere ? next.segment_id : null, false);
    // The playhead drags the window along; so the window comes last.
    const reveal = (): void => timeline.current?.showRange(next.start_ms, next.end_ms);
    player.seekRecordFrame(next.start_frame).then(reveal, reveal);
  }, [content, editor, player, timeline]);

  // Begin with what needs a decision; its segment is there a moment later.
  useEffect(() => {
    const first = findNext(units, null, 1, isOpen) ?? findNext(units, null, 1, isDifference);
    if (unitId === null && first !== null) show(first);
  }, [units, unitId, show]);
  useEffect(() => {
    const id = unit?.segment_id ?? null;
    if (id !== null && content.segments.has(id) && editor.getState().selectedId === null) editor.select(id, false);
  }, [unit, content, editor]);

  if (adjudication === null) return null;
  const choose = (next: Choice): void => {
    if (!pass.can_write || content.isSignedOff) return editor.say("This is decided, and stays.", "error");
    if (unit === null) return editor.say("There is no difference to decide.");
    setByHand(false);
    setChoice(next);
    requestAnimationFrame(() => reasonInput.current?.focus());
  };
  const decide = (reason: string): void => {
    if (unit === null || choice === null || save.kind !== "saved") return;
    decision.mutate({ version, unit_id: unit.id, choice, reason }, {
      onSuccess: (told) => {
        takeIn(told);
        setChoice(null);
        reasonInput.current?.blur();
        const next = told.adjudication === null ? null : findNext(listUnits(told.adjudication), unit.id, 1, isOpen);
        if (next !== null) show(next);
        else editor.say("Every difference is decided. Accept the result when you are sure.");
      },
      onError: (error) => {
        if (error instanceof ApiError && error.status === 412) void get<PassDetail>(`/passes/${pass.id}`).then(takeIn); // somebody else went on with it
      },
    });
  };
  const step = (direction: 1 | -1, isWanted: (one: AdjudicationUnit) => boolean, none: string): void => {
    const next = findNext(units, unitId, direction, isWanted);
    if (next !== null) show(next);
    else editor.say(none);
  };
  const onDigit = (digit: number): void => {
    const lane = adjudication.lanes[digit - 1];
    if (lane !== undefined) choose(lane.pass_id);
  };
  const showUnitOf = (passId: string, segmentId: string): void => {
    const found = findUnitOf(adjudication, passId, segmentId);
    if (found !== null) show(found);
  };
  const handlers: Handlers = {
    previous_difference: () => step(-1, isDifference, "There is no other difference."),
    next_difference: () => step(1, isDifference, "There is no other difference."),
    by_hand: () => setByHand(!isByHand), decide_own: () => choose("own"),
    ...(isByHand ? {} : {
      next_open: () => step(1, isOpen, "Nothing else waits for a decision."),
      confirm_ghost: () => choose("consensus"), ...(pass.stage === "elements" ? {} : { reject_ghost: () => choose("none") }),
    }),
  };
  return {
    units, unit, choice, isByHand, error: decision.error, isBusy: decision.isPending || save.kind !== "saved", reasonInput,
    handlers, onDigit: isByHand ? undefined : onDigit, show, showUnitOf, choose, decide, setByHand,
  };
}
