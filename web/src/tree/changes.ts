/** What a new version of a codebook changes, as the server's dry run sends it, put in words for people. */

export interface Row { readonly id: string; readonly old?: string; readonly new?: string }
export interface ChangeGroup { readonly title: string; readonly rows: readonly Row[] }

const WORDS: Readonly<Record<string, string>> = {
  appeared: "new", gone: "gone", renamed: "renamed", moved: "moved to another set", repathed: "found by other answers",
  rerated: "with another difficulty", changed: "changed", reworded: "reworded",
};

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string";
}

/** `elements_moved` as "Elements moved to another set". */
function describeKind(kind: string): string {
  const [what = "", how = ""] = kind.split("_");
  return `${what.charAt(0).toUpperCase()}${what.slice(1)} ${WORDS[how] ?? how}`;
}

/** The kinds of change that there are any of, in the server's order: events, sets, elements, queries. */
export function listChanges(diff: Readonly<Record<string, unknown>>): ChangeGroup[] {
  return Object.entries(diff).flatMap(([kind, value]) => {
    if (!Array.isArray(value) || value.length === 0) return [];
    const rows = value.map((one: unknown) => (isRow(one) ? one : { id: String(one) }));
    return [{ title: describeKind(kind), rows }];
  });
}
