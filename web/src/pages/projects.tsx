/** The projects that a person takes part in; administrators make new ones here. */

import { useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { useCreateProject, useProjects, useSession } from "../api/queries";
import { CodebookChoice, type ChosenCodebook } from "../parts/codebook_choice";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { Shell } from "../parts/shell";

export function ProjectsPage() {
  const projects = useProjects();
  const session = useSession();
  const [isMaking, setIsMaking] = useState(false);
  const isAdmin = session.data?.person?.is_admin ?? false;
  return (
    <Shell title="Projects" actions={isAdmin && <button type="button" className="primary" onClick={() => setIsMaking(true)}>New project</button>}>
      {projects.isPending && <Loading what="projects" />}
      {projects.isError && <Failure error={projects.error} retry={() => void projects.refetch()} />}
      {projects.data?.length === 0 && (
        <p className="empty">{isAdmin ? "There is no project yet. Make one to begin." : "You are in no project yet. A lead can invite you into one."}</p>
      )}
      {projects.data && projects.data.length > 0 && (
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">Project</th><th scope="col">Your role</th><th scope="col">Codebook</th>
            <th scope="col" className="number">Records</th><th scope="col" className="number">Items</th>
            <th scope="col" className="number">Open</th><th scope="col" className="number">Accepted</th></tr></thead>
          <tbody>
            {projects.data.map((one) => (
              <tr key={one.id}>
                <th scope="row"><Link href={`/projects/${one.id}`}>{one.name}</Link></th>
                <td>{one.role ?? "administrator"}</td><td>{one.codebook.name} {one.codebook.version}</td>
                <td className="number">{one.counts["records"] ?? 0}</td><td className="number">{one.counts["items"] ?? 0}</td>
                <td className="number">{one.counts["open"] ?? 0}</td><td className="number">{one.counts["accepted"] ?? 0}</td>
              </tr>
            ))}
          </tbody>
        </table></div>
      )}
      {isMaking && <NewProject onClose={() => setIsMaking(false)} />}
    </Shell>
  );
}

function NewProject({ onClose }: { onClose: () => void }) {
  const create = useCreateProject();
  const [, navigate] = useLocation();
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<ChosenCodebook | null>({ codebook: "artistic-women" });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (chosen !== null) create.mutate({ name, ...chosen }, { onSuccess: (project) => navigate(`/projects/${project.id}`) });
  };
  return (
    <Dialog title="New project" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>Name<input required maxLength={120} value={name} onChange={(event) => setName(event.target.value)} /></label>
        <CodebookChoice onChoose={setChosen} />
        <FormError error={create.error} />
        <div className="row end">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="primary" disabled={chosen === null || create.isPending}>Make the project</button>
        </div>
      </form>
    </Dialog>
  );
}
