/** What exams say to people: rules, standing, verdicts on answers. Plain text from plain values. */

import type { Exam, FeedbackUnit, Part, Rules, Standing } from "../api/quality_types";
import type { Stage } from "../api/types";

/** The parts of an exam, in the order in which they are told. */
export const PARTS: readonly { readonly part: Part; readonly name: string; readonly what: string }[] = [
  { part: "found", name: "found", what: "of what is there or was marked, what is both" },
  { part: "bounds", name: "edges", what: "of what was found, with both edges within the tolerance" },
  { part: "event", name: "event", what: "of what was found, with the right event" },
  { part: "set", name: "set", what: "of what was found, with the right set" },
  { part: "element", name: "element", what: "of what was found, with the right element" },
  { part: "answers", name: "answers", what: "of the queries asked, answered rightly" },
];

export function namePart(part: string): string {
  return PARTS.find((one) => one.part === part)?.name ?? part;
}

const PARTS_OF_STAGE: Readonly<Record<Stage, readonly Part[]>> = {
  routines: ["found", "bounds", "event"], "sub-actions": ["found", "bounds", "set"], elements: ["element", "answers"],
};

/** What can be asked in a stage: in the last one edges and sets are given. */
export function listParts(stage: Stage): readonly Part[] {
  return PARTS_OF_STAGE[stage];
}

/** `1 day 2 h`, `45 min`: a wait as one says it. */
export function formatWait(minutes: number): string {
  const whole = Math.max(1, Math.ceil(minutes));
  const [days, hours, rest] = [Math.floor(whole / 1440), Math.floor(whole / 60) % 24, whole % 60];
  const parts = [days === 0 ? "" : days === 1 ? "1 day" : `${days} days`, hours === 0 ? "" : `${hours} h`, rest === 0 || days > 0 ? "" : `${rest} min`];
  return parts.filter(Boolean).join(" ");
}

export function formatShare(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

/** `0.1234` as `0.123`; one that is not defined as a dash. */
export function formatScore(score: number | null): string {
  return score === null ? "–" : formatShare(score);
}

/** The rules of an exam, a line each. */
export function describeRules({ kind, rules, num_gold: numGold }: Pick<Exam, "kind" | "rules" | "num_gold">): string[] {
  const isDrawn = rules.num_items !== null && rules.num_items < numGold;
  const questions = isDrawn ? `${rules.num_items} ${rules.num_items === 1 ? "question" : "questions"}, drawn anew for each try from ${numGold}` : `${numGold} ${numGold === 1 ? "question" : "questions"}`;
  const marks = PARTS.flatMap(({ part, name }) => (rules.pass_marks[part] === undefined ? [] : [`${name} ${formatShare(rules.pass_marks[part])}`]));
  return [
    questions,
    ...(marks.length === 0 ? [] : [`needed: ${marks.join(", ")}`]),
    ...(rules.num_tries === null ? [] : [rules.num_tries === 1 ? "one try" : `${rules.num_tries} tries`]),
    ...(rules.cool_down_hours === 0 || rules.num_tries === 1 ? [] : [`${formatWait(60 * rules.cool_down_hours)} between tries`]),
    kind === "training" ? "each answer is looked at as you go" : "nobody says what was right",
  ];
}

export interface Advice {
  readonly badge: string;
  readonly tone: "open" | "accepted" | "returned" | "";
  /** What the button says; null where there is nothing to do. */
  readonly action: string | null;
  readonly text: string;
}

/** Where somebody stands in an exam, and what she can do now. */
export function describeStanding({ state, tries_left: triesLeft, next_try_at: nextTryAt }: Standing, kind: Exam["kind"], now: Date): Advice {
  const left = triesLeft === null ? "" : triesLeft === 1 ? "One try is left." : `${triesLeft} tries are left.`;
  switch (state) {
    case "not_started":
      return { badge: "not begun", tone: "", action: "Begin", text: left };
    case "in_progress":
      return { badge: "begun", tone: "open", action: "Go on", text: left };
    case "passed":
      return { badge: "passed", tone: "accepted", action: kind === "training" ? "Once more" : null, text: "" };
    case "failed":
      return { badge: "not passed", tone: "returned", action: "Try again", text: left };
    case "cooling_down": {
      const minutes = nextTryAt === null ? 0 : (new Date(nextTryAt).getTime() - now.getTime()) / 60_000;
      return minutes <= 0
        ? { badge: "not passed", tone: "returned", action: "Try again", text: left }
        : { badge: "not passed", tone: "returned", action: null, text: `The next try is possible in ${formatWait(minutes)}. ${left}`.trim() };
    }
    case "no_tries_left":
      return { badge: "not passed", tone: "returned", action: null, text: "No try is left. Ask the lead: she can give another one." };
    case "outdated":
      return { badge: "to be passed again", tone: "returned", action: "Begin", text: `What is asked has changed since you passed. ${left}`.trim() };
  }
}

export interface Verdict {
  readonly tone: "good" | "bad";
  readonly title: string;
  readonly lines: readonly string[];
}

const TITLES: Readonly<Record<FeedbackUnit["verdict"], string>> = {
  right: "Right", wrong_label: "Wrong label", wrong_bounds: "Edges are off", extra: "Nothing is there", missed: "Missed",
};

/**
 * What is said about one segment of an answer.
 *
 * @param isDone whether its walk is at an end; before that only the answers given so far are judged.
 */
export function describeVerdict(unit: FeedbackUnit, isDone: boolean, words: { label: (id: string) => string; query: (id: string) => string }): Verdict {
  const wrong = unit.queries.filter((one) => one.given !== null && one.given !== one.expected);
  const asked = wrong.map((one) => `${words.query(one.query)} ${one.expected === "yes" ? "Yes" : one.expected === "no" ? "No" : "Unsure"}, not ${one.given}.`);
  if (!isDone && unit.verdict === "wrong_label") {
    const isBegun = unit.queries.some((one) => one.given !== null);
    if (wrong.length === 0) return { tone: "good", title: isBegun ? "Right so far" : "Not answered yet", lines: [] };
    return { tone: "bad", title: "Not that way", lines: asked };
  }
  return { tone: unit.verdict === "right" ? "good" : "bad", title: TITLES[unit.verdict], lines: unit.verdict === "right" ? [] : [unit.text.replace(/^Missed: /, "")] };
}

/** Rules with which a lead begins. A training set has no mark to reach. */
export function makeRules(stage: Stage, kind: Exam["kind"]): Rules {
  return {
    pass_marks: kind === "training" ? {} : Object.fromEntries(listParts(stage).map((part) => [part, part === "bounds" ? 0.8 : 0.9])),
    tolerance: { default_ms: 200, by_set_ms: {}, min_tiou: 0.1 },
    num_items: null, num_tries: kind === "training" ? null : 3, cool_down_hours: kind === "training" ? 0 : 24, renew_on: "codebook",
  };
}
