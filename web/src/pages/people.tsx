/** Who takes part in a project, in which role; and invitations. */

import { useState, type FormEvent } from "react";
import { useInvite, usePeople, useRemovePerson, useSetRole, useWithdrawInvitation } from "../api/lead_queries";
import { useSession } from "../api/queries";
import type { Role } from "../api/types";
import { formatDate, formatDateTime } from "../parts/dates";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { OneTimeLink } from "../parts/one_time_link";
import { ProjectShell } from "../parts/project_shell";
import { Everybody } from "./everybody";

const ROLES: readonly Role[] = ["lead", "annotator", "reviewer", "viewer"];

export function PeoplePage({ id }: { id: string }) {
  const [isInviting, setIsInviting] = useState(false);
  const isAdmin = useSession().data?.person?.is_admin ?? false;
  return (
    <ProjectShell id={id} title="People" actions={<button type="button" className="primary" onClick={() => setIsInviting(true)}>Invite</button>}>
      {() => <><PeopleTable id={id} />{isAdmin && <Everybody />}{isInviting && <InviteDialog id={id} onClose={() => setIsInviting(false)} />}</>}
    </ProjectShell>
  );
}

function PeopleTable({ id }: { id: string }) {
  const people = usePeople(id);
  const setRole = useSetRole(id);
  const remove = useRemovePerson(id);
  const withdraw = useWithdrawInvitation(id);
  if (people.isPending) return <Loading what="the people" />;
  if (people.isError) return <Failure error={people.error} retry={() => void people.refetch()} />;
  return (
    <>
      <FormError error={setRole.error ?? remove.error ?? withdraw.error} />
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Name</th><th scope="col">Email</th><th scope="col">Role</th><th scope="col">Since</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>
          {people.data.people.map(({ person, role, since }) => (
            <tr key={person.id}>
              <th scope="row">{person.name}</th><td>{person.email}</td>
              <td><select aria-label={`Role of ${person.name}`} value={role} onChange={(event) => setRole.mutate({ person: person.id, role: event.target.value as Role })}>
                {ROLES.map((one) => <option key={one}>{one}</option>)}
              </select></td>
              <td>{formatDate(since)}</td>
              <td><button type="button" className="quiet" onClick={() => remove.mutate(person.id)} aria-label={`Remove ${person.name}`}>Remove</button></td>
            </tr>
          ))}
        </tbody>
      </table></div>
      {people.data.invitations.length > 0 && (
        <section aria-labelledby="open-invitations">
          <h2 id="open-invitations">Open invitations</h2>
          <div className="table-wrap"><table className="table">
            <thead><tr><th scope="col">For</th><th scope="col">Role</th><th scope="col">Until</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
            <tbody>
              {people.data.invitations.map((one) => (
                <tr key={one.id}>
                  <th scope="row">{one.email ?? "whoever has the link"}</th><td>{one.role}</td><td>{formatDateTime(one.expires_at)}</td>
                  <td><button type="button" className="quiet" onClick={() => withdraw.mutate(one.id)}>Withdraw</button></td>
                </tr>
              ))}
            </tbody>
          </table></div>
        </section>
      )}
    </>
  );
}

function InviteDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const invite = useInvite(id);
  const [role, setRole] = useState<Role>("annotator");
  const [email, setEmail] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    invite.mutate({ role, ...(email === "" ? {} : { email }) });
  };
  return (
    <Dialog title="Invite somebody" onClose={onClose}>
      {invite.data === undefined ? (
        <form className="form" onSubmit={submit}>
          <label>Role<select value={role} onChange={(event) => setRole(event.target.value as Role)}>{ROLES.map((one) => <option key={one}>{one}</option>)}</select></label>
          <label>Email (else the link is good for whoever has it)<input type="email" value={email} onChange={(event) => setEmail(event.target.value)} /></label>
          <FormError error={invite.error} />
          <div className="row end"><button type="button" onClick={onClose}>Cancel</button><button type="submit" className="primary" disabled={invite.isPending}>Make a link</button></div>
        </form>
      ) : (
        <OneTimeLink url={invite.data.url} onDone={onClose} />
      )}
    </Dialog>
  );
}
