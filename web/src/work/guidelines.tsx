/** Guidelines beside the work: the page of what is being looked at, and the others of this item. */

import { useEffect, useState } from "react";
import Markdown from "react-markdown";
import { useGuideline } from "../api/queries";
import type { Guideline } from "../api/types";
import { Failure, Loading } from "../parts/feedback";
import { useWork } from "./context";

export function GuidelinesPanel({ first, onClose }: { first: string | null; onClose: () => void }) {
  const { pass, codebook } = useWork();
  const [chosen, setChosen] = useState<string | null>(null);
  useEffect(() => setChosen(null), [first]);
  const keys = [...new Set([...(first === null ? [] : [first]), ...pass.guideline_keys])];
  const key = chosen ?? keys[0] ?? "general";
  const name = (one: string): string => {
    const [kind, id] = [one.split(":")[0]!, one.split(":").slice(1).join(":")];
    if (id === "") return "General";
    return kind === "stage" ? `Stage: ${id}` : kind === "query" ? codebook.getQueryText(id) : codebook.getName(id);
  };
  return (
    <aside className="guidelines" aria-label="Guidelines">
      <div className="panel-head">
        <h2>Guidelines</h2>
        <select aria-label="Page" value={key} onChange={(event) => setChosen(event.target.value)}>
          {keys.map((one) => <option key={one} value={one}>{name(one)}</option>)}
        </select>
        <button type="button" className="quiet" onClick={onClose} aria-label="Close the guidelines">✕</button>
      </div>
      <GuidelinePage guidelineKey={key} />
    </aside>
  );
}

function GuidelinePage({ guidelineKey }: { guidelineKey: string }) {
  const { project } = useWork();
  const page = useGuideline(project.id, guidelineKey);
  if (page.isPending) return <Loading what="the page" />;
  if (page.isError) return <Failure error={page.error} retry={() => void page.refetch()} />;
  if (page.data === null) return <p className="empty">The lead has written no page about this yet.</p>;
  return (
    <article className="prose">
      <h3>{page.data.title}</h3>
      <Markdown>{page.data.text}</Markdown>
      <MediaList media={page.data.media} />
    </article>
  );
}

export function MediaList({ media }: { media: Guideline["media"] }) {
  return (
    <>
      {media.map((one) => (
        <figure key={one.id} className="medium">
          {one.type.startsWith("video/")
            ? <video src={one.url} controls loop muted playsInline aria-label={one.caption || one.name} />
            : <img src={one.url} alt={one.caption || one.name} />}
          {one.caption && <figcaption>{one.caption}</figcaption>}
        </figure>
      ))}
    </>
  );
}
