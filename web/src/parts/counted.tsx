/** A number of a dashboard. */

import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Project } from "../api/types";
import { linkBehind } from "../quality/behind";

/** A number that leads to its items; one that is not defined says why. */
export function Counted({ project, value, ids, what, total, why }: { project: Project; value: ReactNode; ids: readonly string[]; what: string; total?: number; why?: string | null }) {
  if (value === null || value === undefined) return <span className="faint" title={why ?? undefined}>–{why != null && <span className="why"> {why}</span>}</span>;
  return ids.length === 0 ? <>{value}</> : <Link href={linkBehind(project.id, ids, what, total)}>{value}</Link>;
}
