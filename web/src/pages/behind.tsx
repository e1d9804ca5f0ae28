/** The items behind a number. */

import { Link, useSearch } from "wouter";
import { useItemsOf } from "../api/quality_queries";
import { Failure, Loading } from "../parts/feedback";
import { ProjectShell } from "../parts/project_shell";
import { readBehind } from "../quality/behind";
import { Passes } from "./items";
import { describePart } from "./project";

export function BehindPage({ id }: { id: string }) {
  return <ProjectShell id={id} title="Items behind a number">{() => <Items id={id} />}</ProjectShell>;
}

function Items({ id }: { id: string }) {
  const asked = readBehind(useSearch());
  const items = useItemsOf(id, asked.ids);
  return (
    <section aria-labelledby="behind">
      <h2 id="behind">{asked.what ?? "Items"} <span className="count">{asked.total > asked.ids.length ? `the first ${asked.ids.length} of ${asked.total} items` : `${asked.ids.length} ${asked.ids.length === 1 ? "item" : "items"}`}</span></h2>
      <p><Link href={`/projects/${id}/quality`}>Back to the numbers</Link></p>
      {asked.ids.length === 0 && <p className="empty">No item is named in the address.</p>}
      {asked.ids.length > 0 && items.isPending && <Loading what="the items" />}
      {items.isError && <Failure error={items.error} retry={() => void items.refetch()} />}
      {items.data !== undefined && (
        <div className="table-wrap"><table className="table">
          <thead><tr><th scope="col">Record</th><th scope="col">Stage</th><th scope="col">Part</th><th scope="col">State</th><th scope="col">Work</th></tr></thead>
          <tbody>{items.data.map((item) => (
            <tr key={item.id}>
              <th scope="row">{item.record.name}</th><td>{item.stage}</td><td>{describePart(item)}</td>
              <td><span className={`badge ${item.state}`}>{item.state}</span></td><td><Passes item={item} /></td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </section>
  );
}
