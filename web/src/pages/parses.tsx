/** What models made of the records: a table of the parses, and a way to have records parsed. */

import { useEffect, useState, type FormEvent } from "react";
import { Link } from "wouter";
import { useJobs, useRecords } from "../api/lead_queries";
import { useParses, useStartParse } from "../api/parse_queries";
import type { Parse, Project } from "../api/types";
import { describeFound, describePoints } from "../parses/words";
import { formatDateTime } from "../parts/dates";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { JobTable } from "../parts/job_table";
import { countEnded } from "../parts/jobs";
import { NumberField } from "../parts/number_field";
import { readNumber } from "../parts/numbers";
import { ProjectShell } from "../parts/project_shell";

export function ParsesPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Parses">{(project) => <Content project={project} />}</ProjectShell>;
}

function Content({ project: { id, role } }: { project: Project }) {
  const parses = useParses(id);
  const [isStarting, setIsStarting] = useState(false);
  if (parses.isPending) return <Loading what="the parses" />;
  if (parses.isError) return <Failure error={parses.error} retry={() => void parses.refetch()} />;
  const { bundles, left_out: leftOut } = parses.data;
  return (
    <>
      {role === "lead" && (
        <div className="row">
          <span className="grow faint">{bundles.length === 0 ? "To parse records from here, put a model bundle (NAME.finegym) into bundles/ of the workspace." : "Models look for routines and name what is in them. Nothing of it is a label before somebody says so."}</span>
          <button type="button" className="primary" disabled={bundles.length === 0} onClick={() => setIsStarting(true)}>Parse records</button>
        </div>
      )}
      {role === "lead" && <Jobs id={id} onEnded={() => void parses.refetch()} />}
      {parses.data.parses.length === 0 ? <p className="empty">No record of this project has been parsed.</p> : <ParseTable id={id} parses={parses.data.parses} />}
      {leftOut.length > 0 && <ul>{leftOut.map((one) => <li key={one.why} className="faint">not shown: {one.count} ({one.why})</li>)}</ul>}
      {isStarting && <StartDialog id={id} bundles={bundles} onClose={() => setIsStarting(false)} />}
    </>
  );
}

function ParseTable({ id, parses }: { id: string; parses: readonly Parse[] }) {
  return (
    <div className="table-wrap"><table className="table">
      <thead><tr><th scope="col">Record</th><th scope="col">Parsed</th><th scope="col">Bundle</th><th scope="col">Routines</th><th scope="col" className="number">Sub-actions</th><th scope="col" className="number">Unsure</th><th scope="col" className="number">Points</th><th scope="col"><span className="visually-hidden">State</span></th></tr></thead>
      <tbody>{parses.map((one) => (
        <tr key={one.id}>
          <th scope="row"><Link href={`/projects/${id}/parses/${one.id}`}>{one.record.name}</Link></th>
          <td>{formatDateTime(one.parsed_at)}</td><td>{one.bundle}</td><td>{one.whole === "record" ? describeFound(one.found) : "taken whole"}</td>
          <td className="number">{one.num_sub_actions}</td><td className="number">{one.num_unsure}</td><td className="number">{describePoints(one.points)}</td>
          <td>{one.num_doubtful > 0 && <span className="badge returned" title="Routines that are in doubt as such; the official JSON holds them only where that was asked for.">{one.num_doubtful} in doubt</span>}{one.warnings.length > 0 && <span className="badge returned" title={one.warnings.join(" ")}>with a warning</span>}{one.is_suggested && <span className="badge open">suggested</span>}{!one.record.is_checked && <span className="badge returned">not checked</span>}</td>
        </tr>
      ))}</tbody>
    </table></div>
  );
}

function Jobs({ id, onEnded }: { id: string; onEnded: () => void }) {
  const jobs = useJobs(id);
  const parsing = jobs.data?.filter((job) => job.kind === "parse") ?? [];
  const numEnded = countEnded(parsing);
  useEffect(() => { if (numEnded > 0) onEnded(); }, [numEnded]);
  if (parsing.length === 0) return null;
  return <section aria-labelledby="parsing"><h2 id="parsing">Parsing</h2><JobTable project={id} jobs={parsing} /></section>;
}

function StartDialog({ id, bundles, onClose }: { id: string; bundles: readonly string[]; onClose: () => void }) {
  const records = useRecords(id);
  const start = useStartParse(id);
  const [bundle, setBundle] = useState(bundles[0]!);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [minProbability, setMinProbability] = useState("");
  const all = records.data ?? [];
  const choose = (one: string): void => setChosen(new Set(chosen.has(one) ? [...chosen].filter((other) => other !== one) : [...chosen, one]));
  const typed = readNumber(minProbability, 0, 1);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if ("value" in typed) start.mutate({ record_ids: [...chosen], bundle, min_probability: typed.value }, { onSuccess: onClose });
  };
  return (
    <Dialog title="Parse records" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Bundle<select value={bundle} onChange={(event) => setBundle(event.target.value)}>{bundles.map((one) => <option key={one}>{one}</option>)}</select></label>
        <NumberField label="Name an element or a set from this probability on" hint="From 0 to 1. Empty: 0.5, as finegym parse takes it." text={minProbability} onChange={setMinProbability} min={0} max={1} />
        {records.isError && <Failure error={records.error} />}
        <fieldset className="names">
          <legend className="visually-hidden">Records to parse</legend>
          <label className="check"><input type="checkbox" disabled={all.length === 0} checked={all.length > 0 && chosen.size === all.length} onChange={() => setChosen(new Set(chosen.size === all.length ? [] : all.map((one) => one.id)))} />all records</label>
          {all.map((one) => <label key={one.id} className="check"><input type="checkbox" checked={chosen.has(one.id)} onChange={() => choose(one.id)} />{one.name}</label>)}
        </fieldset>
        <p className="faint">It goes on in the background, one job after the other, a record at a time. What is parsed already with the same bundle and threshold stays.</p>
        <FormError error={start.error} />
        <div className="row end"><span className="faint grow">{chosen.size} chosen</span><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary" disabled={chosen.size === 0 || "problem" in typed || start.isPending}>Parse</button></div>
      </form>
    </Dialog>
  );
}
