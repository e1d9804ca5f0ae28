/** What the server says about a file that it exports: its name, how much is in it, and what is not. */

export interface Exported { readonly name: string; readonly counts: string; readonly leftOut: string | null }

const KINDS = { records: "records", actions: "routines", "sub-actions": "sub-actions", elements: "elements" } as const;

export function readExported(headers: Headers): Exported {
  const count = (name: string): number => Number(headers.get(`x-finegym-${name}`) ?? 0);
  const numLeftOut = count("left-out");
  const first = decodeURIComponent(headers.get("x-finegym-first-left-out") ?? "");
  return {
    name: /filename="([^"]+)"/.exec(headers.get("content-disposition") ?? "")?.[1] ?? "export",
    counts: Object.entries(KINDS).map(([name, word]) => `${count(name)} ${word}`).join(", "),
    leftOut: numLeftOut === 0 ? null : `left out: ${numLeftOut} without an event (first: ${first})`,
  };
}

/** Hand a file to the browser, as a link to it would. */
export function saveFile(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
