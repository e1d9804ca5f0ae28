/** Where passes over one item differ: the order of going through them, the ways to decide, the lanes. No page. */

import type { Adjudication, AdjudicationLane, AdjudicationUnit } from "../api/quality_types";

export type Choice = "consensus" | "own" | "none" | (string & {});

/** Units in order of time. */
export function listUnits({ units }: Adjudication): AdjudicationUnit[] {
  return [...units].sort((left, right) => left.start_ms - right.start_ms || left.end_ms - right.end_ms);
}

export function isOpen(unit: AdjudicationUnit): boolean {
  return unit.needs_decision && unit.decision === null;
}

/** Something to see: the passes do not say the same. */
export function isDifference(unit: AdjudicationUnit): boolean {
  return unit.needs_decision || unit.reasons.length > 0;
}

/** The neighbour of a unit among those wanted; without one, the first. From the last one goes on with the first. */
export function findNext(units: readonly AdjudicationUnit[], fromId: string | null, direction: 1 | -1, isWanted: (unit: AdjudicationUnit) => boolean): AdjudicationUnit | null {
  const at = units.findIndex((one) => one.id === fromId);
  const turned = direction > 0
    ? [...units.slice(at + 1), ...units.slice(0, Math.max(0, at))]
    : [...units.slice(0, Math.max(0, at)).reverse(), ...units.slice(at + 1).reverse()];
  return turned.find(isWanted) ?? null;
}

/** The unit to which a segment of a lane belongs. */
export function findUnitOf({ units }: Adjudication, passId: string, segmentId: string): AdjudicationUnit | null {
  return units.find((one) => one.members.some((member) => member.pass_id === passId && member.segment_id === segmentId)) ?? null;
}

/** Segments of a lane that are in a unit where the passes differ. */
export function listMarked(adjudication: Adjudication, lane: AdjudicationLane): Set<string> {
  const marked = adjudication.units.filter(isDifference).flatMap((unit) => unit.members.filter((one) => one.pass_id === lane.pass_id).map((one) => one.segment_id));
  return new Set(marked.filter((id) => id !== null));
}

/** Which queries to show: those on which not all who were asked say the same, first; the others after them. */
export function sortQueries(unit: AdjudicationUnit): { query: AdjudicationUnit["queries"][number]; isSplit: boolean }[] {
  const rated = unit.queries.map((query) => ({ query, isSplit: new Set(query.votes.map((vote) => vote.answer).filter((answer) => answer !== null)).size > 1 }));
  return [...rated.filter((one) => one.isSplit), ...rated.filter((one) => !one.isSplit)];
}

export function describeChoice(choice: Choice, lanes: readonly AdjudicationLane[]): string {
  if (choice === "consensus") return "the consensus";
  if (choice === "own") return "as changed by hand";
  if (choice === "none") return "nothing is there";
  const lane = lanes.find((one) => one.pass_id === choice);
  return lane === undefined ? "one of the passes" : `as in ${lane.name}`;
}

/** Reasons given already, the last one first: most differences of an item have one cause. */
export function listReasons({ units }: Adjudication): string[] {
  const given = units.flatMap((one) => (one.decision === null ? [] : [one.decision])).sort((left, right) => right.at.localeCompare(left.at));
  return [...new Set(given.map((one) => one.reason))];
}

/** `+80 ms`, `−40 ms`; nothing where there is nothing to compare. */
export function formatOffset(ms: number | null): string {
  if (ms === null) return "";
  return ms === 0 ? "0" : `${ms > 0 ? "+" : "−"}${Math.abs(Math.round(ms))} ms`;
}
