/** What the pages of leads and reviewers ask the server. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { fetchFile, get, post, send } from "./client";
import { readExported, saveFile } from "./exported";
import type {
  Account, Batch, CodebookChange, Folder, Guideline, Item, Job, LogEvent, Overlap, PassDetail, People, Progress, Project, ProjectSettings, Recheck,
  RecordFacts, Revision, Role, Stage,
} from "./types";

const project = (id: string): string => `/projects/${id}`;

/** Ask for everything about a project again, when it is shown next. */
export function useForget(projectId: string): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ predicate: (query) => query.queryKey.includes(projectId) && query.queryKey[0] !== "pass" });
}

/** A change of a project's things: afterwards everything about the project is asked for again. */
export function useChange<V, R = unknown>(projectId: string, act: (value: V) => Promise<R>) {
  return useMutation({ mutationFn: act, onSettled: useForget(projectId) });
}

export const usePeople = (id: string) =>
  useQuery({ queryKey: ["people", id], queryFn: () => get<People>(`${project(id)}/people`) });
export const useInvite = (id: string) =>
  useChange(id, (facts: { role: Role; email?: string }) => post<{ url: string }>(`${project(id)}/invitations`, facts));
export const useWithdrawInvitation = (id: string) =>
  useChange(id, (invitation: string) => send("DELETE", `${project(id)}/invitations/${invitation}`));
export const useSetRole = (id: string) =>
  useChange(id, ({ person, role }: { person: string; role: Role }) => send("PUT", `${project(id)}/people/${person}`, { role }));
export const useRemovePerson = (id: string) =>
  useChange(id, (person: string) => send("DELETE", `${project(id)}/people/${person}`));

export const useEverybody = () =>
  useQuery({ queryKey: ["everybody"], queryFn: async () => (await get<{ people: Account[] }>("/people")).people });
export const useMakePasswordLink = () =>
  useMutation({ mutationFn: (person: Account) => post<{ url: string }>(`/people/${person.id}/password-link`, undefined) });
export function useSetDisabled() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ person, is_disabled }: { person: string; is_disabled: boolean }) => send("PATCH", `/people/${person}`, { is_disabled }),
    onSettled: () => client.invalidateQueries({ queryKey: ["everybody"] }),
  });
}

export const useSettings = (id: string) =>
  useChange(id, ({ version, settings }: { version: number; settings: ProjectSettings }) =>
    send<Project>("PATCH", project(id), { settings }, { ifMatch: `"${version}"` }));

type AskedCodebook = { codebook?: string; codebook_yaml?: string };
/** What another codebook would come to; changes nothing. */
export const useTryCodebook = (id: string) =>
  useMutation({ mutationFn: (asked: AskedCodebook) => send<CodebookChange>("PUT", `${project(id)}/codebook?dry_run=true`, asked) });
export const useChangeCodebook = (id: string) =>
  useChange(id, (asked: AskedCodebook) => send<CodebookChange>("PUT", `${project(id)}/codebook`, asked));

export const useRecords = (id: string) =>
  useQuery({ queryKey: ["records", id], queryFn: async () => (await get<{ records: RecordFacts[] }>(`${project(id)}/records`)).records });
export const useFolder = (id: string, path: string | null) =>
  useQuery({ queryKey: ["folder", id, path], queryFn: () => get<Folder>(`${project(id)}/media-folders${path === null ? "" : `?path=${encodeURIComponent(path)}`}`) });
export const useIngest = (id: string) =>
  useChange(id, (facts: { paths: string[]; chunk_minutes?: number; overlap_s?: number; rules_toml?: string; routines?: "known" }) => post<Job>(`${project(id)}/ingest`, facts));

/** Jobs, asked for again every two seconds while one runs. */
export const useJobs = (id: string) =>
  useQuery({
    queryKey: ["jobs", id], queryFn: async () => (await get<{ jobs: Job[] }>(`${project(id)}/jobs`)).jobs,
    refetchInterval: (query) => (query.state.data?.some((job) => ["queued", "running"].includes(job.state)) ? 2000 : false),
  });
/** Take a job out of the queue, or stop it. */
export const useCancelJob = (id: string) => useChange(id, (job: string) => post<Job>(`/jobs/${job}/cancel`));

export const useItems = (id: string, stage: Stage, state: string) =>
  useQuery({
    queryKey: ["items", id, stage, state],
    queryFn: () => get<{ items: Item[]; after: string | null }>(`${project(id)}/items?stage=${stage}&limit=200${state === "" ? "" : `&state=${state}`}`),
  });
export const useAssign = (id: string) =>
  useChange(id, (facts: { item_ids: string[]; assignees?: string[]; priority?: number; annotators?: number }) => post(`${project(id)}/items/assign`, facts));

export const useProgress = (id: string) =>
  useQuery({ queryKey: ["progress", id], queryFn: () => get<Progress>(`${project(id)}/progress`) });

export const useReviews = (id: string) =>
  useQuery({ queryKey: ["reviews", id], queryFn: async () => (await get<{ items: Item[] }>(`${project(id)}/reviews`)).items });
export const useReview = (id: string, pass: string) =>
  useChange(id, ({ version, ...facts }: { version: number; decision: "accept" | "return"; comment?: { text: string; frame: number } }) =>
    post<PassDetail>(`/passes/${pass}/review`, { uuid: crypto.randomUUID(), ...facts }, { ifMatch: `"${version}"` }));

export const useOverlaps = (id: string) =>
  useQuery({ queryKey: ["overlaps", id], queryFn: async () => (await get<{ overlaps: Overlap[] }>(`${project(id)}/overlaps?state=open`)).overlaps });
export const useAnswerOverlap = (id: string) =>
  useChange(id, ({ overlap, ...facts }: { overlap: string; answer: "same" | "different"; keep: "left" | "right" | null }) => post(`/overlaps/${overlap}`, facts));
export const useRechecks = (id: string) =>
  useQuery({ queryKey: ["rechecks", id], queryFn: async () => (await get<{ rechecks: Recheck[] }>(`${project(id)}/rechecks?state=open`)).rechecks });
export const useAnswerRecheck = (id: string) =>
  useChange(id, ({ recheck, answer }: { recheck: string; answer: "keep" | "redo" }) => post(`/rechecks/${recheck}`, { answer }));

export const useHistory = (segment: string) =>
  useQuery({ queryKey: ["history", segment], staleTime: 0, queryFn: async () => (await get<{ revisions: Revision[] }>(`/segments/${segment}/history`)).revisions });
export const useEvents = (id: string) =>
  useQuery({ queryKey: ["log", id], queryFn: async () => (await get<{ events: LogEvent[] }>(`${project(id)}/log`)).events });

export const useBatches = (id: string) =>
  useQuery({ queryKey: ["batches", id], queryFn: async () => (await get<{ batches: Batch[] }>(`${project(id)}/suggestions`)).batches });
const JSON_TYPE = "application/json";
export const useLoadSuggestions = (id: string) =>
  useChange(id, ({ file, name, model, stage }: { file: File; name: string; model: string; stage: Stage }) => {
    const query = new URLSearchParams({ name, model, stage });
    return post<{ num_suggestions: number; left_out: { why: string; count: number }[] }>(`${project(id)}/suggestions?${query}`, undefined, { raw: { body: file, type: JSON_TYPE } });
  });
export const useWithdrawBatch = (id: string) =>
  useChange(id, (batch: string) => send("DELETE", `${project(id)}/suggestions/${batch}`));
export const useExport = (id: string) =>
  useMutation({
    mutationFn: async (asked: { format: string; what: string }) => {
      const { content, headers } = await fetchFile(`${project(id)}/export?${new URLSearchParams(asked)}`);
      const exported = readExported(headers);
      saveFile(content, exported.name);
      return exported;
    },
  });
export const useImport = (id: string) =>
  useChange(id, ({ file, format, state, record }: { file: File; format: string; state: string; record?: string }) =>
    post<{ records: number; actions: number; sub_actions: number; left_out: { why: string; count: number }[] }>(
      `${project(id)}/import?${new URLSearchParams({ format, state, ...(record === undefined ? {} : { record }) })}`, undefined, { raw: { body: file, type: format === "official" ? JSON_TYPE : "text/plain" } }));

export const useGuidelineList = (id: string) =>
  useQuery({ queryKey: ["guideline-list", id], queryFn: async () => (await get<{ guidelines: { key: string; title: string }[] }>(`${project(id)}/guidelines`)).guidelines });
export const useSaveGuideline = (id: string) =>
  useChange(id, ({ key, version, ...facts }: { key: string; version: number; title: string; text: string; media: { id: string; caption: string; answer: "yes" | "no" | null }[] }) =>
    send<Guideline>("PUT", `${project(id)}/guidelines/${encodeURIComponent(key)}`, facts, { ifMatch: `"${version}"` }));
export const useAttach = (id: string) =>
  useMutation({
    mutationFn: (file: File) => post<{ id: string; name: string; type: string; url: string }>(`${project(id)}/attachments?name=${encodeURIComponent(file.name)}`, undefined, { raw: { body: file, type: file.type } }),
  });
