/** What goes in and out of a project: annotations, and suggestions of models. */

import { useState, type FormEvent, type MouseEvent } from "react";
import { useBatches, useExport, useImport, useLoadSuggestions, useRecords, useWithdrawBatch } from "../api/lead_queries";
import type { Stage } from "../api/types";
import { formatDateTime } from "../parts/dates";
import { FormError } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";

export function ExchangePage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Exchange">{() => <><div className="columns"><Export id={id} /><Import id={id} /><Suggestions id={id} /></div><Batches id={id} /></>}</ProjectShell>;
}

function Export({ id }: { id: string }) {
  const [what, setWhat] = useState("accepted");
  const load = useExport(id);
  const fetchIt = (event: MouseEvent, format: string): void => {
    event.preventDefault(); // a link alone would not tell what is not in the file, or why there is none
    load.mutate({ format, what });
  };
  const formats = { official: "Official JSON", dataset: "Dataset folder (zip)", csv: "CSV", webvtt: "WebVTT (zip)" };
  return (
    <section className="card form" aria-labelledby="export">
      <h2 id="export">Export</h2>
      <label>What<select value={what} onChange={(event) => { setWhat(event.target.value); load.reset(); }}><option value="accepted">accepted work</option><option value="latest">the latest of everything</option></select></label>
      <ul className="form">{Object.entries(formats).map(([format, title]) => <li key={format}><a href={`/api/projects/${id}/export?format=${format}&what=${what}`} download onClick={(event) => fetchIt(event, format)}>{title}</a></li>)}</ul>
      <FormError error={load.error} />
      {load.data && <div role="status"><p>{load.data.name}: {load.data.counts}.</p>{load.data.notes.map((note) => <p key={note} className="warn">{note}</p>)}</div>}
    </section>
  );
}

function LeftOut({ rows }: { rows: readonly { why: string; count: number }[] }) {
  if (rows.length === 0) return null;
  return <ul>{rows.map((one) => <li key={one.why} className="warn">left out: {one.count} ({one.why})</li>)}</ul>;
}

function Import({ id }: { id: string }) {
  const load = useImport(id);
  const records = useRecords(id);
  const [record, setRecord] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [format, setFormat] = useState("official");
  const [state, setState] = useState("accepted");
  const isOneRecord = format === "webvtt" && file !== null && !file.name.toLowerCase().endsWith(".zip");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (file !== null) load.mutate({ file, format, state, ...(isOneRecord ? { record } : {}) });
  };
  return (
    <form className="card form" onSubmit={submit}>
      <h2>Import annotations</h2>
      <label>Format<select value={format} onChange={(event) => setFormat(event.target.value)}><option value="official">Official JSON</option><option value="dataset">Dataset folder (zip)</option><option value="csv">CSV</option><option value="webvtt">WebVTT: one file, or a zip of one a record</option></select></label>
      <label>They are<select value={state} onChange={(event) => setState(event.target.value)}><option value="accepted">accepted: the next stage begins</option><option value="open">open: to be gone over</option></select></label>
      <label>File<input type="file" required onChange={(event) => setFile(event.target.files?.[0] ?? null)} /></label>
      {isOneRecord && (
        <label>Record that it is about
          <select required value={record} onChange={(event) => setRecord(event.target.value)}>
            <option value="">choose …</option>{records.data?.map((one) => <option key={one.id}>{one.name}</option>)}
          </select>
        </label>
      )}
      <FormError error={load.error ?? (isOneRecord ? records.error : null)} />
      {load.data && <div role="status"><p>{load.data.records} records, {load.data.actions} routines, {load.data.sub_actions} sub-actions.</p><LeftOut rows={load.data.left_out} /></div>}
      <button type="submit" className="primary" disabled={file === null || load.isPending}>Import</button>
    </form>
  );
}

function Suggestions({ id }: { id: string }) {
  const load = useLoadSuggestions(id);
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const [model, setModel] = useState("");
  const [stage, setStage] = useState<Stage>("routines");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (file !== null) load.mutate({ file, name, model, stage });
  };
  return (
    <form className="card form" onSubmit={submit}>
      <h2>Load suggestions of a model</h2>
      <label>Detections (ActivityNet JSON)<input type="file" accept=".json" required onChange={(event) => setFile(event.target.files?.[0] ?? null)} /></label>
      <label>Name<input required value={name} onChange={(event) => setName(event.target.value)} /></label>
      <label>Model<input required value={model} onChange={(event) => setModel(event.target.value)} /></label>
      <label>Stage<select value={stage} onChange={(event) => setStage(event.target.value as Stage)}><option>routines</option><option>sub-actions</option></select></label>
      <FormError error={load.error} />
      {load.data && <div role="status"><p>{load.data.num_suggestions} suggestions loaded. Blind work does not show them.</p><LeftOut rows={load.data.left_out} /></div>}
      <button type="submit" className="primary" disabled={file === null || load.isPending}>Load</button>
    </form>
  );
}

function Batches({ id }: { id: string }) {
  const batches = useBatches(id);
  const withdraw = useWithdrawBatch(id);
  if (batches.data === undefined || batches.data.length === 0) return null;
  return (
    <section aria-labelledby="batches">
      <h2 id="batches">Suggestions loaded</h2>
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Name</th><th scope="col">Model</th><th scope="col">Stage</th><th scope="col" className="number">Suggestions</th><th scope="col">Loaded</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{batches.data.map((one) => (
          <tr key={one.id}><th scope="row">{one.name}</th><td>{one.model}</td><td>{one.stage}</td><td className="number">{one.num_suggestions}</td><td>{formatDateTime(one.at)}</td>
            <td>{one.withdrawn_at === null ? <button type="button" className="quiet" onClick={() => withdraw.mutate(one.id)}>Withdraw</button> : "withdrawn"}</td></tr>
        ))}</tbody>
      </table></div>
    </section>
  );
}
