/** What the pages about parses ask the server. */

import { useQuery } from "@tanstack/react-query";
import { get, post } from "./client";
import { useChange } from "./lead_queries";
import type { Job, ParseRequest, Parses, Suggested } from "./types";

const base = (id: string): string => `/projects/${id}/parses`;

/** The parses of a project; asked for again and again where a page shows what may be parsed anew. */
export const useParses = (id: string, everyMs: number | false = false) =>
  useQuery({ queryKey: ["parses", id], queryFn: () => get<Parses>(base(id)), refetchInterval: everyMs });
export const useStartParse = (id: string) => useChange(id, (asked: ParseRequest) => post<Job>(base(id), asked));
export const useSuggestParse = (id: string) =>
  useChange(id, (parse: string) => post<Suggested>(`${base(id)}/${parse}/suggestions`));

/** The page that `finegym parse` wrote, for a frame; and its files, for links. */
export const getPageAddress = (id: string, parse: string): string => `/api${base(id)}/${parse}/page`;
export const getFileAddress = (id: string, parse: string, name: string): string => `/api${base(id)}/${parse}/files/${name}`;
