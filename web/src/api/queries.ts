/** What pages ask the server for, kept and refreshed by TanStack Query. One function a question. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FrameMapData } from "../player/frame_map";
import { Codebook, type CodebookData } from "../tree/codebook";
import { ApiError, get, NoAnswer, post, request, send, setCsrfToken } from "./client";
import type { Guideline, Invitation, PassDetail, Project, Session, Stage, Work } from "./types";

function keepToken(session: Session): Session {
  setCsrfToken(session.csrf_token);
  return session;
}

export const useSession = () =>
  useQuery({ queryKey: ["session"], queryFn: async () => keepToken(await get<Session>("/session")), staleTime: 60_000 });

export function useLogIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (facts: { email: string; password: string }) => post<Session>("/session", facts),
    onSuccess: (session) => client.setQueryData(["session"], keepToken(session)),
  });
}

export function useLogOut() {
  return useMutation({
    mutationFn: () => send("DELETE", "/session"),
    onSuccess: () => window.location.assign("/"), // nothing of the session stays in memory
  });
}

export const useInvitation = (token: string) =>
  useQuery({ queryKey: ["invitation", token], queryFn: () => post<Invitation>("/invitations/look", { token }), retry: false, enabled: token !== "" });

export function useAcceptInvitation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (facts: { token: string; email?: string; name?: string; password?: string }) => post<Session>("/invitations/accept", facts),
    onSuccess: (session) => client.setQueryData(["session"], keepToken(session)),
  });
}

export function useSavePreferences() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (preferences: Record<string, unknown>) => send<Session["person"]>("PATCH", "/me", { preferences }),
    onMutate: (preferences) => {
      client.setQueryData<Session>(["session"], (old) => old?.person ? { ...old, person: { ...old.person, preferences } } : old);
    },
  });
}

export const useProjects = () =>
  useQuery({ queryKey: ["projects"], queryFn: async () => (await get<{ projects: Project[] }>("/projects")).projects });

export function useCreateProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (facts: { name: string; codebook?: string; codebook_yaml?: string }) => post<Project>("/projects", facts),
    onSuccess: () => client.invalidateQueries({ queryKey: ["projects"] }),
  });
}

export const useProject = (id: string | undefined) =>
  useQuery({ queryKey: ["project", id], queryFn: () => get<Project>(`/projects/${id}`), enabled: id !== undefined });

export const useWork = (projectId: string) =>
  useQuery({ queryKey: ["work", projectId], queryFn: () => get<Work>(`/projects/${projectId}/work`) });

/** The next item of a stage, leased; null where there is none. */
export function useTakeNext(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (stage: Stage | null) => {
      const { status, body } = await request<PassDetail>("POST", `/projects/${projectId}/work/next`, { stage });
      return status === 204 ? null : body;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["work", projectId] }),
  });
}

/** A pass is read once a visit: from then on the command log knows better. */
export const usePass = (id: string) =>
  useQuery({ queryKey: ["pass", id], queryFn: () => get<PassDetail>(`/passes/${id}`), staleTime: Infinity, gcTime: 0 });

export const useCodebook = (projectId: string | undefined) =>
  useQuery({
    queryKey: ["codebook", projectId],
    queryFn: async () => new Codebook(await get<CodebookData>(`/projects/${projectId}/codebook`)),
    enabled: projectId !== undefined, staleTime: 300_000,
  });

/** Media are asked for at the address that the server signed. */
async function fetchJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { credentials: "same-origin" }).catch((error: unknown) => {
    throw new NoAnswer("The server cannot be reached.", { cause: error });
  });
  if (!response.ok) throw new ApiError(response.status, "media", `The server answered ${response.status} for ${url.split("?")[0]}.`, {});
  return (await response.json()) as T;
}

export const useFrameMap = (url: string | undefined) =>
  useQuery({ queryKey: ["map", url?.split("?")[0]], queryFn: () => fetchJson<FrameMapData>(url!), enabled: url !== undefined, staleTime: Infinity });

export interface WaveformData {
  readonly sample_rate: number;
  readonly samples_per_pixel: number;
  readonly bits: number;
  readonly data: readonly number[];
}

export const useWaveform = (url: string | null | undefined) =>
  useQuery({ queryKey: ["wave", url?.split("?")[0]], queryFn: () => fetchJson<WaveformData>(url!), enabled: url != null, staleTime: Infinity });

/** Which guideline pages there are. */
const useGuidelineKeys = (projectId: string) =>
  useQuery({
    queryKey: ["guidelines", projectId], staleTime: 300_000,
    queryFn: async () => {
      const { guidelines } = await get<{ guidelines: { key: string }[] }>(`/projects/${projectId}/guidelines`);
      return new Set(guidelines.map((one) => one.key));
    },
  });

/** A guideline page; null where the lead has written none. */
export function useGuideline(projectId: string, key: string) {
  const keys = useGuidelineKeys(projectId);
  return useQuery({
    queryKey: ["guideline", projectId, key, keys.data?.has(key)], enabled: keys.data !== undefined, staleTime: 300_000,
    queryFn: () => (keys.data!.has(key) ? get<Guideline>(`/projects/${projectId}/guidelines/${encodeURIComponent(key)}`) : null),
  });
}
