/** The frame of a project's pages: its tabs, by role. */

import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { useProject, useSession } from "../api/queries";
import type { Project } from "../api/types";
import { Failure, Loading } from "./feedback";
import { Shell } from "./shell";

type Who = "all" | "work" | "look" | "models" | "review" | "lead";

interface Tab {
  readonly path: string;
  readonly title: string;
  readonly who: Who;
  /** Pages that belong to it. */
  readonly below?: readonly string[];
  /** How many things there wait for somebody. */
  readonly count?: (project: Project) => number | undefined;
}

const TABS: readonly Tab[] = [
  { path: "", title: "Work", who: "work" },
  { path: "/exams", title: "Exams", who: "work", below: ["/attempts", "/gold"] },
  { path: "/review", title: "Review", who: "review", below: ["/comparisons"], count: (project) => project.counts.adjudicate },
  { path: "/items", title: "Items", who: "look" },
  { path: "/progress", title: "Progress", who: "all" },
  { path: "/quality", title: "Quality", who: "look", below: ["/behind"], count: (project) => project.counts.alarms },
  { path: "/parses", title: "Parses", who: "models" },
  { path: "/records", title: "Records", who: "lead" },
  { path: "/people", title: "People", who: "lead" },
  { path: "/codebook", title: "Codebook", who: "lead" },
  { path: "/guidelines", title: "Guidelines", who: "lead" },
  { path: "/exchange", title: "Exchange", who: "lead" },
  { path: "/settings", title: "Settings", who: "lead" },
];

function maySee(who: Who, { role, settings }: Project, isAdmin: boolean): boolean {
  if (who === "all" || isAdmin || role === "lead") return true;
  if (who === "models") return role !== "annotator" || settings.is_blind === false; // blind work shows nothing of models
  if (who === "work") return role !== "viewer";
  return role === "reviewer" ? who !== "lead" : who === "look" && role === "viewer";
}

function isIn(tab: Tab, location: string, base: string): boolean {
  const inside = (path: string): boolean => location === base + path || (path !== "" && location.startsWith(`${base}${path}/`));
  return [tab.path, ...(tab.below ?? [])].some(inside);
}

export function ProjectShell({ id, title, actions, children }: {
  id: string; title: string; actions?: ReactNode; children: (project: Project) => ReactNode;
}) {
  const project = useProject(id);
  const session = useSession();
  const [location] = useLocation();
  if (project.isPending) return <Shell title={title}><Loading what="the project" /></Shell>;
  if (project.isError) return <Shell title={title} crumbs={[{ title: "Projects", to: "/" }]}><Failure error={project.error} retry={() => void project.refetch()} /></Shell>;
  const isAdmin = session.data?.person?.is_admin ?? false;
  return (
    <Shell title={`${project.data.name}: ${title}`} heading={project.data.name} crumbs={[{ title: "Projects", to: "/" }]} actions={actions}>
      <nav className="tabs" aria-label="Project">
        {TABS.filter((tab) => maySee(tab.who, project.data, isAdmin)).map((tab) => {
          const to = `/projects/${id}${tab.path}`;
          const count = tab.count?.(project.data) ?? 0;
          return <Link key={tab.path} href={to} aria-current={isIn(tab, location, `/projects/${id}`) ? "page" : undefined} aria-description={count > 0 ? `${count} waiting` : undefined}>{tab.title}{count > 0 && <span className="badge returned" aria-hidden="true">{count}</span>}</Link>;
        })}
      </nav>
      {children(project.data)}
    </Shell>
  );
}
