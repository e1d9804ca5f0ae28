/** What the server says about a file that it exports: its name, how much is in it, and what is not. */

export interface Exported { readonly name: string; readonly counts: string; readonly notes: readonly string[] }

const KINDS = { records: "records", actions: "routines", "sub-actions": "sub-actions", elements: "elements" } as const;

export function readExported(headers: Headers): Exported {
  const count = (name: string): number => Number(headers.get(`x-finegym-${name}`) ?? 0);
  const first = (name: string): string => decodeURIComponent(headers.get(`x-finegym-first-${name}`) ?? "");
  const notes = [
    count("left-out") && `left out: ${count("left-out")} without an event of the codebook (first: ${first("left-out")})`,
    count("old-labels") && `labels that the codebook no longer has: ${count("old-labels")}, written without their element (first: ${first("old-label")})`,
  ];
  return {
    name: /filename="([^"]+)"/.exec(headers.get("content-disposition") ?? "")?.[1] ?? "export",
    counts: Object.entries(KINDS).map(([name, word]) => `${count(name)} ${word}`).join(", "),
    notes: notes.filter((note) => note !== 0),
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
