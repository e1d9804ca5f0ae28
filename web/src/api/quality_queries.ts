/** What the pages about quality ask the server: gold, exams, comparisons, dashboards. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, post, send } from "./client";
import { useChange } from "./lead_queries";
import type {
  Alarm, Attempt, Comparison, Comparisons, Drift, Exam, ExamResults, Feedback, Gold, GoldAnswer, LeftOut, Quality, Rules, Standing,
} from "./quality_types";
import type { Item, Media, PassDetail, Stage } from "./types";

const project = (id: string): string => `/projects/${id}`;

export const useGold = (id: string, stage: Stage | null) =>
  useQuery({ queryKey: ["gold", id, stage], queryFn: async () => (await get<{ gold: Gold[] }>(`${project(id)}/gold${stage === null ? "" : `?stage=${stage}`}`)).gold });
export const useGoldCandidates = (id: string, stage: Stage) =>
  useQuery({ queryKey: ["gold-candidates", id, stage], queryFn: async () => (await get<{ items: Item[] }>(`${project(id)}/gold/candidates?stage=${stage}`)).items });
export const useAddGold = (id: string) =>
  useChange(id, (facts: { item_ids: readonly string[]; is_silent: boolean; note: string }) => post<{ added: Gold[]; left_out: LeftOut[] }>(`${project(id)}/gold`, facts));
export const useChangeGold = (id: string) =>
  useChange(id, ({ gold, ...facts }: { gold: string; is_silent?: boolean; note?: string; guideline_key?: string | null }) => send<Gold>("PATCH", `/gold/${gold}`, facts));
export const useWithdrawGold = (id: string) => useChange(id, (gold: string) => send("DELETE", `/gold/${gold}`));

export const useGoldAnswers = (id: string, person: string, stage: Stage) =>
  useQuery({ queryKey: ["gold-answers", id, person, stage], queryFn: async () => (await get<{ answers: GoldAnswer[] }>(`${project(id)}/gold/answers?person=${person}&stage=${stage}`)).answers });
/** How far the sums are that raise an alarm, after every gold segment that somebody was silently asked. */
export const useDrift = (id: string, person: string, stage: Stage) =>
  useQuery({ queryKey: ["drift", id, person, stage], queryFn: () => get<Drift>(`${project(id)}/drift?person=${person}&stage=${stage}`) });

export const useExams = (id: string) =>
  useQuery({ queryKey: ["exams", id], queryFn: async () => (await get<{ exams: Exam[] }>(`${project(id)}/exams`)).exams });
export interface ExamFacts { readonly name: string; readonly text: string; readonly rules: Rules; readonly gold_ids: readonly string[] }
export const useMakeExam = (id: string) =>
  useChange(id, (facts: ExamFacts & { kind: Exam["kind"]; stage: Stage }) => post<Exam>(`${project(id)}/exams`, facts));
export const useChangeExam = (id: string) =>
  useChange(id, ({ exam, version, ...facts }: ExamFacts & { exam: string; version: number }) => send<Exam>("PUT", `/exams/${exam}`, facts, { ifMatch: `"${version}"` }));
export const useRetireExam = (id: string) => useChange(id, (exam: string) => send("DELETE", `/exams/${exam}`));
export const useExamResults = (id: string, exam: string) =>
  useQuery({ queryKey: ["exam-results", id, exam], queryFn: () => get<ExamResults>(`/exams/${exam}/results`) });
export const useGiveTry = (id: string, exam: string) =>
  useChange(id, (facts: { person_id: string; reason: string }) => post<Standing>(`/exams/${exam}/tries`, facts));

/** A new try, or the one that is open. */
export const useBeginAttempt = (id: string) => useChange(id, (exam: string) => post<Attempt>(`/exams/${exam}/attempts`));
export const useAttempt = (id: string) => useQuery({ queryKey: ["attempt", id], staleTime: 0, queryFn: () => get<Attempt>(`/attempts/${id}`) });
export function useLeaveAttempt(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (attempt: string) => post<Attempt>(`/attempts/${attempt}/leave`),
    onSettled: (_, __, attempt) => Promise.all([client.invalidateQueries({ queryKey: ["attempt", attempt] }), client.invalidateQueries({ queryKey: ["exams", projectId] })]),
  });
}
/** What is right about a pass as it is saved; asked for anew with every version of it. */
export const useFeedback = (pass: string, version: number, isAsked: boolean) =>
  useQuery({ queryKey: ["feedback", pass, version], enabled: isAsked, placeholderData: (old) => old, queryFn: () => get<Feedback>(`/passes/${pass}/feedback`) });

export const useAlarms = (id: string, state: Alarm["state"]) =>
  useQuery({ queryKey: ["alarms", id, state], queryFn: async () => (await get<{ alarms: Alarm[] }>(`${project(id)}/alarms?state=${state}`)).alarms });
export const useCloseAlarm = (id: string) => useChange(id, ({ alarm, remark }: { alarm: string; remark: string }) => post(`/alarms/${alarm}`, { remark }));

export const useComparisons = (id: string, state: Comparison["state"]) =>
  useQuery({ queryKey: ["comparisons", id, state], queryFn: () => get<Comparisons>(`${project(id)}/comparisons?state=${state}`) });
export const useCompare = (id: string) =>
  useChange(id, (facts: { stage?: Stage }) => post<{ compared: number; agreed: number; third: number; adjudicate: number }>(`${project(id)}/comparisons`, facts));
export const useAcceptAgreed = (id: string) =>
  useChange(id, (ids: readonly string[]) => post<{ accepted: number; left_out: LeftOut[] }>(`${project(id)}/comparisons/accept`, { comparison_ids: ids }));
export const useRoute = (id: string) =>
  useChange(id, ({ comparison, ...facts }: { comparison: string; to: "third" | "adjudicate"; reason: string }) => post(`/comparisons/${comparison}/route`, facts));
export const useBeginAdjudication = (id: string) => useChange(id, (item: string) => post<PassDetail>(`/items/${item}/adjudication`));
export const useDecide = (pass: string) =>
  useMutation({
    mutationFn: ({ version, ...facts }: { version: number; unit_id: string; choice: string; reason: string }) =>
      post<PassDetail>(`/passes/${pass}/decisions`, { uuid: crypto.randomUUID(), ...facts }, { ifMatch: `"${version}"` }),
  });

export const useQuality = (id: string, stage: Stage) =>
  useQuery({ queryKey: ["quality", id, stage], queryFn: () => get<Quality>(`${project(id)}/quality?stage=${stage}`) });
/** Items by their ids: those behind a number. */
export const useItemsOf = (id: string, ids: readonly string[]) =>
  useQuery({
    queryKey: ["items-of", id, ids.join(",")], enabled: ids.length > 0,
    queryFn: async () => (await get<{ items: Item[] }>(`${project(id)}/items?ids=${ids.join(",")}&limit=200`)).items,
  });
export const useItemMedia = (item: string, isAsked: boolean) =>
  useQuery({ queryKey: ["item-media", item], enabled: isAsked, staleTime: 3_600_000, queryFn: () => get<Media>(`/items/${item}/media`) });
