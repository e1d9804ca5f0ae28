/** Addresses that lead from a number to the items behind it. */

export interface Behind { readonly ids: readonly string[]; readonly what: string | null; readonly total: number }

/** Address of the page that lists items; the server names 200 of them at most, `total` says of how many. */
export function linkBehind(project: string, ids: readonly string[], what: string, total: number = ids.length): string {
  const query = new URLSearchParams({ what, ...(total > ids.length ? { total: String(total) } : {}) });
  return `/projects/${project}/behind?${query}&ids=${ids.join(",")}`;
}

export function readBehind(search: string): Behind {
  const query = new URLSearchParams(search);
  const ids = (query.get("ids") ?? "").split(",").filter((id) => /^[0-9a-f-]{36}$/.test(id));
  const total = Number(query.get("total") ?? ids.length);
  return { ids: [...new Set(ids)], what: query.get("what"), total: Number.isFinite(total) ? total : ids.length };
}
