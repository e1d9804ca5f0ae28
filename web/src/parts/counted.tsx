/** Numbers of a dashboard: each leads to the items behind it; one that is not defined says why. */

import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Measured } from "../api/quality_types";
import type { Project } from "../api/types";
import { linkBehind } from "../quality/behind";

/** The items that a row of numbers is about; the server names the first 200 of them. */
export interface Row { readonly item_ids: readonly string[]; readonly num_items: number }

export function Counted({ project, row, what, children }: { project: Project; row: Row; what: string; children: ReactNode }) {
  return row.item_ids.length === 0 ? <>{children}</> : <Link href={linkBehind(project.id, row.item_ids, what, row.num_items)}>{children}</Link>;
}

/** With its interval on hover and for screen readers. */
export function MeasuredNumber({ project, row, what, measured, format }: { project: Project; row: Row; what: string; measured: Measured; format: (value: number) => string }) {
  if (measured.value === null) return <Undefined why={measured.why} />;
  return (
    <span title={describeInterval(measured, format)}>
      <Counted project={project} row={row} what={what}>{format(measured.value)}</Counted>
    </span>
  );
}

export function Undefined({ why }: { why: string }) {
  return <span className="faint" title={why}>–<span className="why"> {why}</span></span>;
}

/** `0.81 to 0.93, from 40`: where the value lies, and how much it is made of. */
export function describeInterval({ low, high, count }: Measured, format: (value: number) => string): string {
  return low === null || high === null ? `from ${count}` : `${format(low)} to ${format(high)}, from ${count}`;
}
