/** The records of a project, and how they come in: ingest of files and folders, with its progress and report. */

import { useEffect, useState, type FormEvent } from "react";
import { useFolder, useIngest, useJobs, useRecords } from "../api/lead_queries";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { JobTable } from "../parts/job_table";
import { countEnded } from "../parts/jobs";
import { NumberField } from "../parts/number_field";
import { readNumber } from "../parts/numbers";
import { ProjectShell } from "../parts/project_shell";
import { formatLength } from "../player/timecode";

export function RecordsPage({ id }: { id: string }) {
  const [isAdding, setIsAdding] = useState(false);
  return (
    <ProjectShell id={id} title="Records" actions={<button type="button" className="primary" onClick={() => setIsAdding(true)}>Add records</button>}>
      {() => <><Jobs id={id} /><RecordTable id={id} />{isAdding && <IngestDialog id={id} onClose={() => setIsAdding(false)} />}</>}
    </ProjectShell>
  );
}

function Jobs({ id }: { id: string }) {
  const jobs = useJobs(id);
  const records = useRecords(id);
  const ingests = jobs.data?.filter((job) => job.kind === "ingest") ?? [];
  const numEnded = countEnded(ingests);
  const { refetch } = records;
  useEffect(() => { if (numEnded > 0) void refetch(); }, [numEnded, refetch]);
  if (ingests.length === 0) return null;
  return (
    <section aria-labelledby="jobs">
      <div className="row"><h2 id="jobs">Ingest</h2><span className="grow" />
        <a href={`/api/projects/${id}/ingest-report`} target="_blank" rel="noreferrer">Report</a>
        <button type="button" className="quiet" onClick={() => void records.refetch()}>Refresh</button></div>
      <JobTable project={id} jobs={ingests} />
    </section>
  );
}

function RecordTable({ id }: { id: string }) {
  const records = useRecords(id);
  if (records.isPending) return <Loading what="the records" />;
  if (records.isError) return <Failure error={records.error} retry={() => void records.refetch()} />;
  if (records.data.length === 0) return <p className="empty">No records yet. Add a folder of videos to begin.</p>;
  return (
    <div className="table-wrap" role="region" aria-label="Records" tabIndex={0}><table className="table">
      <thead><tr><th scope="col">Record</th><th scope="col">Competition</th><th scope="col" className="number">Length</th><th scope="col" className="number">Frames a second</th><th scope="col" className="number">Size</th><th scope="col" className="number">Chunks</th><th scope="col">Verdict</th></tr></thead>
      <tbody>
        {records.data.map((one) => (
          <tr key={one.id}>
            <th scope="row">{one.name}</th><td>{one.competition}</td><td className="number">{formatLength(one.end_ms - one.start_ms)}</td>
            <td className="number">{one.fps_average.toFixed(2)}</td><td className="number">{one.width} × {one.height}</td><td className="number">{one.num_chunks}</td>
            <td><span className={one.verdict === "accepted" ? "badge accepted" : "badge returned"}>{one.verdict}</span>{!one.has_proxies && <span className="badge returned">no proxies</span>}</td>
          </tr>
        ))}
      </tbody>
    </table></div>
  );
}

function IngestDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [path, setPath] = useState<string | null>(null);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [minutes, setMinutes] = useState("");
  const [overlap, setOverlap] = useState("");
  const [isBetween, setIsBetween] = useState(false);
  const [rules, setRules] = useState("");
  const folder = useFolder(id, path);
  const ingest = useIngest(id);
  const toggle = (one: string): void => setChosen(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]);
  const join = (name: string): string => `${folder.data!.path.replace(/\/$/, "")}/${name}`;
  const [chunk, shared] = [readNumber(minutes, 0.1, 120), readNumber(overlap, 0, 3600)];
  const isWrong = "problem" in chunk || "problem" in shared;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isWrong) return;
    const lengths = { ...(chunk.value === null ? {} : { chunk_minutes: chunk.value }), ...(shared.value === null ? {} : { overlap_s: shared.value }) };
    ingest.mutate({ paths: [...chosen], ...lengths, ...(isBetween ? { routines: "known" } : {}), ...(rules.trim() === "" ? {} : { rules_toml: rules }) }, { onSuccess: onClose });
  };
  return (
    <Dialog title="Add records" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Folder on the server
          <select value={path ?? folder.data?.path ?? ""} onChange={(event) => setPath(event.target.value)}>
            {[...new Set([...(folder.data?.roots ?? []), ...(folder.data ? [folder.data.path] : [])])].map((one) => <option key={one}>{one}</option>)}
          </select>
        </label>
        {folder.isError && <Failure error={folder.error} />}
        <fieldset className="names">
          <legend className="visually-hidden">What to add</legend>
          {folder.data && path !== null && !folder.data.roots.includes(path) && <button type="button" className="quiet" onClick={() => setPath(path.slice(0, path.lastIndexOf("/")) || "/")}>One folder up</button>}
          {folder.data && <label className="check"><input type="checkbox" checked={chosen.includes(folder.data.path)} onChange={() => toggle(folder.data.path)} />this whole folder</label>}
          {folder.data?.folders.map((name) => <div key={name} className="row"><label className="check grow"><input type="checkbox" checked={chosen.includes(join(name))} onChange={() => toggle(join(name))} />{name}/</label><button type="button" className="quiet" onClick={() => setPath(join(name))} aria-label={`Open ${name}`}>Open</button></div>)}
          {folder.data?.files.map(({ name, size_bytes: size }) => <label key={name} className="check"><input type="checkbox" checked={chosen.includes(join(name))} onChange={() => toggle(join(name))} /><span className="grow">{name}</span><span className="faint">{(size / 1e6).toFixed(1)} MB</span></label>)}
        </fieldset>
        <div className="row">
          <NumberField label="Chunks of … minutes" hint="Empty: 10." text={minutes} onChange={setMinutes} min={0.1} max={120} />
          <NumberField label="Overlap in seconds" hint="Empty: 60." text={overlap} onChange={setOverlap} min={0} max={3600} />
        </div>
        <label className="check"><input type="checkbox" checked={isBetween} onChange={(event) => setIsBetween(event.target.checked)} />Cut between the routines that this project knows already</label>
        <details><summary>Rules of what a record must be like</summary>
          <label className="form">TOML; empty: the built-in ones (720 lines and more)<textarea rows={4} value={rules} onChange={(event) => setRules(event.target.value)} placeholder="min_height = 360" /></label>
        </details>
        <FormError error={ingest.error} />
        <div className="row end"><span className="faint grow">{chosen.length} chosen</span><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary" disabled={chosen.length === 0 || isWrong || ingest.isPending}>Add</button></div>
      </form>
    </Dialog>
  );
}
