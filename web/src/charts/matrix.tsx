/** Who was taken for whom: counts in a table, darker where there are more; every count leads to the items behind it. */

import { Link } from "wouter";

export interface Cell {
  readonly count: number;
  readonly href: string;
}

interface Props {
  readonly caption: string;
  readonly rows: readonly { readonly id: string; readonly name: string }[];
  readonly columns: readonly { readonly id: string; readonly name: string }[];
  readonly getCell: (row: string, column: string) => Cell | null;
  /** Rows and columns are the same things: the diagonal is agreement and not coloured as a mistake. */
  readonly hasDiagonal: boolean;
}

/** Text stays readable on the darkest cell, in both themes. */
const DARKEST_PERCENT = 42;

export function Matrix({ caption, rows, columns, getCell, hasDiagonal }: Props) {
  const counts = rows.flatMap((row) => columns.map((column) => (hasDiagonal && row.id === column.id ? 0 : (getCell(row.id, column.id)?.count ?? 0))));
  const most = Math.max(1, ...counts);
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label={caption}><table className="table matrix">
      <caption className="visually-hidden">{caption}</caption>
      <thead><tr><td />{columns.map((one, k) => <th key={one.id} scope="col" title={one.name}><abbr title={one.name}>{k + 1}</abbr></th>)}</tr></thead>
      <tbody>{rows.map((row, k) => (
        <tr key={row.id}>
          <th scope="row"><span className="matrix-number">{k + 1}</span> {row.name}</th>
          {columns.map((column) => {
            const cell = getCell(row.id, column.id);
            const isAgreement = hasDiagonal && row.id === column.id;
            if (cell === null || cell.count === 0) return <td key={column.id} className={isAgreement ? "diagonal" : ""}><span className="faint" aria-label="none">·</span></td>;
            const share = isAgreement ? 0 : Math.ceil((DARKEST_PERCENT * cell.count) / most);
            return (
              <td key={column.id} className={isAgreement ? "diagonal" : ""} style={{ background: share === 0 ? undefined : `color-mix(in srgb, var(--warning) ${share}%, var(--surface))` }}>
                <Link href={cell.href} aria-label={`${row.name}, ${column.name}: ${cell.count}`}>{cell.count}</Link>
              </td>
            );
          })}
        </tr>
      ))}</tbody>
    </table></div>
  );
}
