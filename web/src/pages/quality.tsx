/** How good the labels are: agreement over time, what is taken for what, who differs how, what it costs; and alarms. */

import { useState } from "react";
import { useQuality } from "../api/quality_queries";
import type { Quality } from "../api/quality_types";
import { useCodebook } from "../api/queries";
import type { Project, Stage } from "../api/types";
import { chooseAmountRange, chooseShareRange } from "../charts/axis";
import { LineChart, type Series } from "../charts/line_chart";
import { Counted, describeInterval } from "../parts/counted";
import { Failure, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { StageChoice } from "../parts/stage_choice";
import { linkBehind } from "../quality/behind";
import { Alarms } from "./alarms";
import { Confusions } from "./quality_confusions";
import { Costs, People } from "./quality_people";
import { HardestQueries, QueryConfusions } from "./quality_hardest";

export function QualityPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Quality">{(project) => <Dashboard project={project} />}</ProjectShell>;
}

function Dashboard({ project }: { project: Project }) {
  const [stage, setStage] = useState<Stage>("sub-actions");
  const quality = useQuality(project.id, stage);
  const codebook = useCodebook(project.id);
  const isLead = project.role === "lead" || project.role === null;
  return (
    <>
      {isLead && <Alarms project={project} />}
      <div className="filters"><StageChoice value={stage} onChange={setStage} />
        {quality.data !== undefined && <p className="faint"><Counted project={project} row={quality.data} what="Items done by two or more people">{quality.data.num_items} {quality.data.num_items === 1 ? "item" : "items"}</Counted> done by two or more people. Every number leads to the items behind it.</p>}
      </div>
      {(quality.isPending || codebook.isPending) && <Loading what="the numbers" />}
      {quality.isError && <Failure error={quality.error} retry={() => void quality.refetch()} />}
      {quality.data !== undefined && codebook.data !== undefined && (
        <>
          {quality.data.why !== "" && <p className="note" role="status">{quality.data.why}</p>}
          {quality.data.notes.map((note) => <p key={note} className="faint">{note}</p>)}
          <OverTime project={project} quality={quality.data} />
          <Confusions project={project} quality={quality.data} codebook={codebook.data} />
          <HardestQueries project={project} quality={quality.data} codebook={codebook.data} />
          <QueryConfusions project={project} quality={quality.data} codebook={codebook.data} />
          <People project={project} quality={quality.data} />
          <Costs project={project} quality={quality.data} />
        </>
      )}
    </>
  );
}

const METRICS = {
  detection_f1: { name: "found by both (F1)", unit: "share" },
  label_alpha: { name: "labels (Krippendorff's alpha)", unit: "share" },
  boundary_mae_ms: { name: "edges apart (mean, ms)", unit: "ms" },
} as const;

const formatDay = (ms: number): string => new Date(ms).toISOString().slice(5, 10);
const FORMATS = { share: (value: number): string => value.toFixed(3), ms: (value: number): string => `${value.toFixed(0)} ms` };

function makeSeries(project: Project, quality: Quality, unit: "share" | "ms"): Series[] {
  const metrics = (Object.keys(METRICS) as (keyof typeof METRICS)[]).filter((metric) => METRICS[metric].unit === unit);
  const series = metrics.map((metric) => ({
    name: METRICS[metric].name,
    points: quality.over_time.filter((one) => one.metric === metric).map((one) => {
      const days = `${one.start.slice(0, 10)} to ${one.end.slice(0, 10)}`;
      const said = one.value === null ? `not defined: ${one.why}` : `${FORMATS[unit](one.value)} (${describeInterval(one, FORMATS[unit])})`;
      return {
        atMs: (Date.parse(one.start) + Date.parse(one.end)) / 2, value: one.value, low: one.low, high: one.high, text: `${days}: ${said}, ${one.num_items} items`,
        href: linkBehind(project.id, one.item_ids, `${METRICS[metric].name}, ${days}`, one.num_items),
      };
    }),
  }));
  return series.filter((one) => one.points.some((point) => point.value !== null));
}

function OverTime({ project, quality }: { project: Project; quality: Quality }) {
  if (quality.over_time.length === 0) return null;
  const [shares, amounts] = [makeSeries(project, quality, "share"), makeSeries(project, quality, "ms")];
  const missing = quality.over_time.filter((one) => one.value === null);
  return (
    <section aria-labelledby="over-time">
      <h2 id="over-time">Agreement over time</h2>
      <div className="charts">
        {shares.length > 0 && <LineChart title="Agreement over time" series={shares} formatX={formatDay} formatY={(value) => value.toFixed(2)} chooseRange={chooseShareRange} />}
        {amounts.length > 0 && <LineChart title={METRICS.boundary_mae_ms.name} series={amounts} formatX={formatDay} formatY={(value) => `${value}`} chooseRange={chooseAmountRange} />}
      </div>
      <p className="faint">Lines up and down: 95 % of bootstrap draws over records.{missing.length > 0 && ` Not defined ${missing.length === 1 ? "once" : `${missing.length} times`}: ${[...new Set(missing.map((one) => one.why))].filter(Boolean).join("; ")}.`}</p>
    </section>
  );
}
