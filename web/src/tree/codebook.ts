/** What can happen, as the server sends it: events, sets, elements, and one decision tree a set. */

export type Tree =
  | { readonly query: string; readonly yes: Tree; readonly no: Tree }
  | { readonly element: string | null };

export interface CodebookData {
  readonly number: number;
  readonly name: string;
  readonly events: readonly { readonly id: string; readonly name: string }[];
  readonly sets: readonly { readonly id: string; readonly event_id: string; readonly name: string }[];
  readonly elements: readonly {
    readonly id: string; readonly set_id: string; readonly name: string;
    readonly difficulty_code?: string | null; readonly difficulty_value?: number | null;
  }[];
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  readonly trees: Readonly<Record<string, Tree>>;
}

export class Codebook {
  private eventById: Map<string, CodebookData["events"][number]>;
  private setById: Map<string, CodebookData["sets"][number]>;
  private elementById: Map<string, CodebookData["elements"][number]>;
  private queryById: Map<string, string>;

  constructor(readonly data: CodebookData) {
    this.eventById = new Map(data.events.map((one) => [one.id, one]));
    this.setById = new Map(data.sets.map((one) => [one.id, one]));
    this.elementById = new Map(data.elements.map((one) => [one.id, one]));
    this.queryById = new Map(data.queries.map((one) => [one.id, one.text]));
  }

  getTree(setId: string): Tree | null {
    return this.data.trees[setId] ?? null;
  }

  getQueryText(queryId: string): string {
    return this.queryById.get(queryId) ?? queryId;
  }

  listSets(eventId: string | null): CodebookData["sets"] {
    return eventId === null ? this.data.sets : this.data.sets.filter((one) => one.event_id === eventId);
  }

  listElements(setId: string): CodebookData["elements"] {
    return this.data.elements.filter((one) => one.set_id === setId);
  }

  getElement(id: string): CodebookData["elements"][number] | null {
    return this.elementById.get(id) ?? null;
  }

  /** The set of a sub-action's label, which is a set or an element of one; null for anything else. */
  getSetId(label: string | null): string | null {
    if (label === null) return null;
    if (this.setById.has(label)) return label;
    return this.elementById.get(label)?.set_id ?? null;
  }

  /** Name of an event, a set or an element; what is none of them is shown as it is. */
  getName(label: string): string {
    return (this.elementById.get(label) ?? this.setById.get(label) ?? this.eventById.get(label))?.name ?? label;
  }
}
