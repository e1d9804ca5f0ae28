/** The server's words about quality: gold, exams, comparison, dashboards. */

import type { Answer } from "../commands/model";
import type { components } from "./schema";
import type { Stage } from "./types";

type Schemas = components["schemas"];
export type Gold = Schemas["GoldShape"];
export type LeftOut = Schemas["AddedGoldShape"]["left_out"][number];
export type GoldAnswer = Schemas["GoldAnswerShape"];
export type Part = "found" | "bounds" | "event" | "set" | "element" | "answers";
/** Everything is there in what the server says; only what it is sent may leave things out. */
export type Rules = Required<Omit<Schemas["ExamRulesShape"], "pass_marks" | "tolerance">> & {
  pass_marks: Partial<Record<Part, number>>; tolerance: Required<Schemas["ToleranceSettings"]>;
};
export type Standing = Schemas["StandingShape"];
export type Exam = Omit<Schemas["ExamShape"], "rules"> & { rules: Rules };
export type Attempt = Schemas["AttemptShape"];
export type Feedback = Schemas["FeedbackShape"];
export type FeedbackUnit = Schemas["GradedUnit"];
export type ExamResults = Schemas["ExamResultsShape"];
export type Alarm = Schemas["AlarmShape"];
export type Comparison = Schemas["ComparisonShape"];
export type Comparisons = Schemas["ComparisonsShape"];
export type Adjudication = Schemas["AdjudicationShape"];
export type AdjudicationUnit = Schemas["UnitShape"];
export type AdjudicationLane = Schemas["LaneShape"];
export type QualitySettings = Schemas["QualitySettings"];

type PersonRef = Schemas["PersonRef"];
type RecordRef = Schemas["RecordRef"];
interface Behind { readonly item_ids: readonly string[] }
export interface Quality {
  readonly stage: Stage; readonly num_items: number; readonly why: string | null;
  readonly over_time: readonly (Behind & {
    readonly from: string; readonly to: string; readonly metric: "detection_f1" | "label_alpha" | "boundary_mae_ms";
    readonly value: number | null; readonly why: string | null; readonly low: number | null; readonly high: number | null; readonly num_items: number;
  })[];
  readonly element_confusions: readonly (Behind & { readonly left: string; readonly right: string; readonly count: number })[];
  readonly query_confusions: readonly (Behind & {
    readonly query: string; readonly text: string; readonly yes_yes: number; readonly yes_no: number; readonly no_no: number; readonly unsure: number;
    readonly alpha: number | null; readonly why: string | null;
  })[];
  readonly hardest_queries: readonly {
    readonly query: string; readonly text: string; readonly num: number; readonly num_disagreements: number; readonly share: number; readonly alpha: number | null;
    readonly examples: readonly {
      readonly item_id: string; readonly segment_ids: readonly string[]; readonly record: RecordRef; readonly start_frame: number; readonly end_frame: number; readonly start_ms: number; readonly end_ms: number;
      readonly answers: readonly { readonly person: PersonRef; readonly answer: Answer }[];
    }[];
  }[];
  readonly people: readonly (Behind & {
    readonly person: PersonRef; readonly num_items: number; readonly detection_f1: number | null; readonly start_bias_ms: number | null; readonly end_bias_ms: number | null;
    readonly label_agreement: number | null; readonly gold_score: number | null; readonly num_gold: number; readonly active_minutes: number; readonly video_minutes: number; readonly minutes_per_video_minute: number | null;
  })[];
  readonly costs: {
    readonly num_items: number; readonly median_active_s: number | null; readonly p90_active_s: number | null; readonly active_hours: number; readonly video_hours: number;
    readonly num_segments: number; readonly active_s_per_segment: number | null; readonly items: readonly { readonly item_id: string; readonly active_s: number; readonly num_passes: number }[];
  };
}
