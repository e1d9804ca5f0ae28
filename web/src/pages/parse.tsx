/** The parse of one record: the page that `finegym parse` wrote, with the app's video in its player, and what to do with it. */

import { Link } from "wouter";
import { getFileAddress, getPageAddress, useParses, useSuggestParse } from "../api/parse_queries";
import type { Parse, Project } from "../api/types";
import { describeSuggested } from "../parses/words";
import { formatDateTime } from "../parts/dates";
import { Failure, FormError, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";

const FILES = { "annotations.json": "Official JSON", "chapters.vtt": "WebVTT chapters", "sub_actions.csv": "CSV", "parse.json": "Everything (JSON)" } as const;

export function ParsePage({ id, parse }: { id: string; parse: string }) {
  return <ProjectShell id={id} title="Parse">{(project) => <Content project={project} parse={parse} />}</ProjectShell>;
}

function Content({ project, parse: parseId }: { project: Project; parse: string }) {
  const parses = useParses(project.id);
  if (parses.isPending) return <Loading what="the parse" />;
  if (parses.isError) return <Failure error={parses.error} retry={() => void parses.refetch()} />;
  const parse = parses.data.parses.find((one) => one.id === parseId);
  if (parse === undefined) return <p className="empty">There is no such parse any more. <Link href={`/projects/${project.id}/parses`}>All parses</Link></p>;
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
        {project.role === "lead" && parse.whole === "record" && <Suggest project={project} parse={parse} />}
      </div>
      {parse.has_page
        ? <iframe className="parse-page" title={`Parse of ${parse.record.name}`} src={getPageAddress(project.id, parse.id)} allow="fullscreen" />
        : <p className="empty">Its page is missing; the files above are there.</p>}
    </>
  );
}

function Suggest({ project, parse }: { project: Project; parse: Parse }) {
  const suggest = useSuggestParse(project.id);
  const made = suggest.data;
  return (
    <div className="form">
      <button type="button" className="primary" disabled={parse.is_suggested || suggest.isPending} onClick={() => suggest.mutate(parse.id)}>{parse.is_suggested ? "Suggested to annotators" : "Suggest to annotators"}</button>
      <FormError error={suggest.error} />
      {made !== undefined && (
        <div role="status" className="note">
          <p>{describeSuggested(made)}</p>
          {made.left_out.map((one) => <p key={one.why} className="warn">left out: {one.count} ({one.why})</p>)}
          {project.settings.is_blind && <p className="warn">Work in this project is blind: nobody sees suggestions until that is changed under Settings.</p>}
        </div>
      )}
    </div>
  );
}
