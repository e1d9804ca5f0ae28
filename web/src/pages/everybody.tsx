/** For administrators: everybody who has an account on this server; a way back in, and a way to keep somebody out. */

import { useEverybody, useMakePasswordLink, useSetDisabled } from "../api/lead_queries";
import { useSession } from "../api/queries";
import { formatDate } from "../parts/dates";
import { Dialog } from "../parts/dialog";
import { Failure, FormError, Loading } from "../parts/feedback";
import { OneTimeLink } from "../parts/one_time_link";

export function Everybody() {
  const me = useSession().data?.person?.id;
  const everybody = useEverybody();
  const link = useMakePasswordLink();
  const change = useSetDisabled();
  if (everybody.isPending) return <Loading what="everybody" />;
  if (everybody.isError) return <Failure error={everybody.error} retry={() => void everybody.refetch()} />;
  return (
    <section aria-labelledby="everybody">
      <h2 id="everybody">Everybody on this server <span className="count">{everybody.data.length}</span></h2>
      <p className="faint">Only administrators see this. Who is disabled is logged out at once and cannot log in; the work stays.</p>
      <FormError error={link.error ?? change.error} />
      <div className="table-wrap"><table className="table">
        <thead><tr><th scope="col">Name</th><th scope="col">Email</th><th scope="col">Since</th><th scope="col">State</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{everybody.data.map((one) => (
          <tr key={one.id}>
            <th scope="row">{one.name}</th><td>{one.email}</td><td>{formatDate(one.created_at)}</td>
            <td>{one.is_admin && <span className="badge">administrator</span>}{one.is_disabled && <span className="badge returned">disabled</span>}</td>
            <td><div className="row">
              <button type="button" className="quiet" disabled={link.isPending} onClick={() => link.mutate(one)} aria-label={`Password link for ${one.name}`}>Password link</button>
              {one.id !== me && (
                <button type="button" className="quiet" disabled={change.isPending} onClick={() => change.mutate({ person: one.id, is_disabled: !one.is_disabled })} aria-label={`${one.is_disabled ? "Enable" : "Disable"} ${one.name}`}>{one.is_disabled ? "Enable" : "Disable"}</button>
              )}
            </div></td>
          </tr>
        ))}</tbody>
      </table></div>
      {link.data !== undefined && (
        <Dialog title={`A new password for ${link.variables.name}`} onClose={link.reset}><OneTimeLink url={link.data.url} onDone={link.reset} /></Dialog>
      )}
    </section>
  );
}
