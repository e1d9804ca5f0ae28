/** The parse of one record: the page that `finegym parse` wrote, with the app's video in its player, and what to do with it. */

import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { getFileAddress, getPageAddress, useParses, useSuggestParse } from "../api/parse_queries";
import { useSession } from "../api/queries";
import type { Parse, Project } from "../api/types";
import { describeSuggested } from "../parses/words";
import { formatDateTime } from "../parts/dates";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { readTheme } from "../parts/theme";

const FILES = { "annotations.json": "Official JSON", "chapters.vtt": "WebVTT chapters", "sub_actions.csv": "CSV", "parse.json": "Everything (JSON)" } as const;
const LOOK_MS = 5000;

export function ParsePage({ id, parse }: { id: string; parse: string }) {
  return <ProjectShell id={id} title="Parse">{(project) => <Content project={project} parse={parse} />}</ProjectShell>;
}

/** The parse as it is now. It is looked for again and again: somebody may parse the record anew while this page is open. */
function Content({ project, parse: parseId }: { project: Project; parse: string }) {
  const parses = useParses(project.id, LOOK_MS);
  const found = parses.data?.parses.find((one) => one.id === parseId);
  const [seen, setSeen] = useState(found);
  const [opened, setOpened] = useState<string | null>(null);
  if (found !== undefined && found !== seen) setSeen(found);
  if (found !== undefined && opened === null) setOpened(found.parsed_at);
  if (parses.isPending) return <Loading what="the parse" />;
  if (parses.isError && seen === undefined) return <Failure error={parses.error} retry={() => void parses.refetch()} />;
  if (seen === undefined) return <p className="empty">There is no such parse any more. <Link href={`/projects/${project.id}/parses`}>All parses</Link></p>;
  const isAnew = opened !== null && seen.parsed_at !== opened;
  return (
    <>
      {found === undefined && <p role="status" className="warn">This parse is gone: it is being made anew, or was removed. What is shown is the last there was.</p>}
      {found !== undefined && isAnew && <p role="status" className="note">The record was parsed anew while this page was open. What is shown is the new result.</p>}
      {/* by its time: nothing of the page of an earlier parse stays */}
      <Shown key={seen.parsed_at} project={project} parse={seen} />
    </>
  );
}

function Shown({ project, parse }: { project: Project; parse: Parse }) {
  const suggest = useSuggestParse(project.id);
  return (
    <>
      <div className="row">
        <h2 className="parse-title"><Link href={`/projects/${project.id}/parses`}>Parses</Link> › {parse.record.name}</h2>
        <span className="faint">parsed {formatDateTime(parse.parsed_at)} with {parse.bundle}</span>
        {!parse.record.is_checked && <span className="badge returned" title="The record's media are not where they were, so nobody could compare them.">not checked</span>}
      </div>
      <div className="row">
        {parse.files.map((name) => <a key={name} className="button" href={getFileAddress(project.id, parse.id, name)} download>{FILES[name]}</a>)}
        <span className="grow" />
        {project.role === "lead" && parse.whole === "record" && (
          <button type="button" className="primary" disabled={parse.is_suggested || suggest.isPending} onClick={() => suggest.mutate(parse.id)}>{parse.is_suggested ? "Suggested to annotators" : "Suggest to annotators"}</button>
        )}
      </div>
      <Outcome project={project} suggest={suggest} />
      {parse.has_page
        ? <PageFrame title={`Parse of ${parse.record.name}`} address={getPageAddress(project.id, parse.id)} />
        : <p className="empty">Its page is missing; the files above are there.</p>}
    </>
  );
}

/** The page in the app's colours, whatever the machine's are. */
function PageFrame({ title, address }: { title: string; address: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const theme = readTheme(useSession().data?.person?.preferences);
  const paint = (): void => {
    const page = frame.current?.contentDocument?.documentElement;
    if (page != null) page.dataset["theme"] = theme;
  };
  useEffect(paint, [theme]);
  return <iframe ref={frame} className="parse-page" title={title} src={address} allow="fullscreen" onLoad={paint} />;
}

/** What became of "Suggest to annotators". */
function Outcome({ project, suggest }: { project: Project; suggest: ReturnType<typeof useSuggestParse> }) {
  const made = suggest.data;
  if (made === undefined) return <FormError error={suggest.error} />;
  return (
    <div role="status" className="note">
      <p>{describeSuggested(made)}</p>
      {made.left_out.map((one) => <p key={one.why} className="warn">left out: {one.count} ({one.why})</p>)}
      {project.settings.is_blind && <p className="warn">Work in this project is blind: nobody sees suggestions until that is changed under Settings.</p>}
    </div>
  );
}
