/** Guidelines as the lead writes them: a page a set, an event, a query; with stills and clips. */

import { useState, type FormEvent } from "react";
import Markdown from "react-markdown";
import { useSearch } from "wouter";
import { useAttach, useGuidelineList, useSaveGuideline } from "../api/lead_queries";
import { useCodebook, useGuideline } from "../api/queries";
import type { Guideline } from "../api/types";
import { FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import type { Codebook } from "../tree/codebook";

export function GuidelinesPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Guidelines">{() => <Chooser id={id} />}</ProjectShell>;
}

function listKeys(codebook: Codebook): { key: string; title: string }[] {
  return [
    { key: "general", title: "General" },
    ...["routines", "sub-actions", "elements"].map((stage) => ({ key: `stage:${stage}`, title: `Stage: ${stage}` })),
    ...codebook.data.events.map((one) => ({ key: `event:${one.id}`, title: `Event: ${one.name}` })),
    ...codebook.data.sets.map((one) => ({ key: `set:${one.id}`, title: `Set: ${one.name} (${one.id})` })),
    ...codebook.data.queries.map((one) => ({ key: `query:${one.id}`, title: `Query: ${one.text}` })),
  ];
}

function Chooser({ id }: { id: string }) {
  const codebook = useCodebook(id);
  const written = useGuidelineList(id);
  const [key, setKey] = useState(new URLSearchParams(useSearch()).get("page") ?? "general");
  const page = useGuideline(id, key);
  if (codebook.data === undefined || written.data === undefined) return <Loading what="the guidelines" />;
  const has = new Set(written.data.map((one) => one.key));
  return (
    <>
      <div className="filters"><label>Page<select value={key} onChange={(event) => setKey(event.target.value)}>
        {listKeys(codebook.data).map((one) => <option key={one.key} value={one.key}>{has.has(one.key) ? "● " : "○ "}{one.title.slice(0, 90)}</option>)}
      </select></label><span className="faint">● written, ○ not yet</span></div>
      {page.data === undefined ? <Loading what="the page" /> : <Editor key={`${key}/${page.data?.version ?? 0}`} id={id} guidelineKey={key} page={page.data} />}
    </>
  );
}

function Editor({ id, guidelineKey, page }: { id: string; guidelineKey: string; page: Guideline | null }) {
  const save = useSaveGuideline(id);
  const attach = useAttach(id);
  const [title, setTitle] = useState(page?.title ?? "");
  const [text, setText] = useState(page?.text ?? "");
  const [media, setMedia] = useState<Guideline["media"]>(page?.media ?? []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate({ key: guidelineKey, version: page?.version ?? 0, title, text, media: media.map(({ id: one, caption, answer }) => ({ id: one, caption, answer })) });
  };
  const add = (file: File | undefined): void => {
    if (file !== undefined) attach.mutate(file, { onSuccess: (made) => setMedia([...media, { ...made, caption: "", answer: null }]) });
  };
  const change = (at: number, part: Partial<Guideline["media"][number]>): void => setMedia(media.map((one, k) => (k === at ? { ...one, ...part } : one)));
  return (
    <div className="columns">
      <form className="card form" onSubmit={submit}>
        <label>Title<input required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} /></label>
        <label>Text (Markdown): the boundary rule first<textarea rows={14} value={text} onChange={(event) => setText(event.target.value)} /></label>
        {media.map((one, k) => (
          <div className="row" key={one.id}>
            <label className="grow">{one.name}<input placeholder="Caption" value={one.caption} onChange={(event) => change(k, { caption: event.target.value })} /></label>
            {guidelineKey.startsWith("query:") && <label>Shows<select value={one.answer ?? ""} onChange={(event) => change(k, { answer: (event.target.value || null) as "yes" | "no" | null })}><option value="">both</option><option value="yes">yes</option><option value="no">no</option></select></label>}
            <button type="button" className="quiet" onClick={() => setMedia(media.filter((_, other) => other !== k))}>Take off</button>
          </div>
        ))}
        <label>Attach a still or a clip (up to 64 MB)<input type="file" accept="image/*,video/mp4" onChange={(event) => add(event.target.files?.[0])} /></label>
        <FormError error={save.error ?? attach.error} />
        <div className="row end">{save.isSuccess && <span role="status" className="faint">Saved.</span>}<button type="submit" className="primary" disabled={save.isPending || attach.isPending}>Save</button></div>
      </form>
      <article className="card prose" aria-label="As annotators see it"><h2>{title || "No title yet"}</h2><Markdown>{text}</Markdown></article>
    </div>
  );
}
