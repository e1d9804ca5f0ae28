/** The server's words about quality: gold, exams, comparison, dashboards. */

import type { components } from "./schema";

type Schemas = components["schemas"];
export type Gold = Schemas["GoldShape"];
export type LeftOut = Schemas["AddedGoldShape"]["left_out"][number];
export type GoldAnswer = Schemas["GoldAnswerShape"];
export type Part = "found" | "bounds" | "event" | "set" | "element" | "answers";
/** Everything is there in what the server says; only what it is sent may leave things out. */
export type Drift = Schemas["DriftShape"];
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
export type Quality = Schemas["QualityShape"];
export type Measured = Schemas["MeasuredShape"];
