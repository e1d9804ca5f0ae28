/**
 * Work that the server has not accepted yet, kept in the browser's database (IndexedDB): it outlives a reload, a crash
 * and a network that is gone. An entry is written before it is sent and removed after it was accepted.
 *
 * What can be undone is kept there too, in the same transactions: the two are never of different moments.
 */

import type { Change, Operation, Segment } from "./model";

/** One command of a person: operations that stand or fall together. */
export interface OutboxEntry {
  readonly id: string;
  readonly passId: string;
  readonly personId: string;
  /** What it does, in words. */
  readonly title: string;
  readonly operations: readonly Operation[];
  /** Rises by one an entry: the order in which they are sent. */
  readonly order: number;
}

/** Something that was done, and the changes that lead back. */
export interface Step {
  readonly title: string;
  readonly entryId: string;
  readonly wayBack: readonly Change[];
}

/** What a person can undo and redo in a pass. */
export interface History {
  readonly passId: string;
  readonly personId: string;
  /** Version of the pass at the server on which unsent work and steps stand. */
  readonly version: number;
  readonly undo: readonly Step[];
  readonly redo: readonly Step[];
  /** Segments that are deleted and known: what a step brings back. */
  readonly deleted: readonly Segment[];
}

export interface Outbox {
  /** Whether entries outlive a reload. */
  readonly isLasting: boolean;
  list(passId: string, personId: string): Promise<OutboxEntry[]>;
  add(entry: OutboxEntry, history: History): Promise<void>;
  remove(id: string, history: History): Promise<void>;
  keepHistory(history: History): Promise<void>;
  readHistory(passId: string, personId: string): Promise<History | null>;
}

const UNDO = "undo/";
const nameHistory = ({ passId, personId }: Pick<History, "passId" | "personId">): string => `${UNDO}${passId}/${personId}`;

export class MemoryOutbox implements Outbox {
  readonly isLasting = false;
  private entries = new Map<string, OutboxEntry>();
  private histories = new Map<string, History>();

  list(passId: string, personId: string): Promise<OutboxEntry[]> {
    const mine = [...this.entries.values()].filter((one) => one.passId === passId && one.personId === personId);
    return Promise.resolve(mine.sort((left, right) => left.order - right.order));
  }

  add(entry: OutboxEntry, history: History): Promise<void> {
    this.entries.set(entry.id, entry);
    return this.keepHistory(history);
  }

  remove(id: string, history: History): Promise<void> {
    this.entries.delete(id);
    return this.keepHistory(history);
  }

  keepHistory(history: History): Promise<void> {
    this.histories.set(nameHistory(history), history);
    return Promise.resolve();
  }

  readHistory(passId: string, personId: string): Promise<History | null> {
    return Promise.resolve(this.histories.get(nameHistory({ passId, personId })) ?? null);
  }
}

const DATABASE = "finegym";
const STORE = "outbox";
const KEPT_MS = 30 * 24 * 3_600_000; // nobody undoes what is a month old

/**
 * How a history lies among the entries: in the same store, so that it is written with them, without what entries are
 * found by. A store of its own would be another version of the database, which a tab of an older page keeps from opening.
 */
interface StoredHistory {
  readonly id: string;
  readonly savedAt: number;
  readonly history: History;
}

export class IndexedDbOutbox implements Outbox {
  readonly isLasting = true;

  private constructor(private readonly database: IDBDatabase) {}

  static async open(factory: IDBFactory): Promise<IndexedDbOutbox> {
    const request = factory.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "id" }).createIndex("passId", "passId");
    };
    return new IndexedDbOutbox(await settle(request));
  }

  async list(passId: string, personId: string): Promise<OutboxEntry[]> {
    const store = this.database.transaction(STORE).objectStore(STORE);
    const all = (await settle(store.index("passId").getAll(passId))) as OutboxEntry[];
    return all.filter((one) => one.personId === personId).sort((left, right) => left.order - right.order);
  }

  /** Everything of a person, for the page that says which items have unsent work. */
  async listAll(personId: string): Promise<OutboxEntry[]> {
    const all = (await settle(this.database.transaction(STORE).objectStore(STORE).getAll())) as OutboxEntry[];
    return all.filter((one) => one.personId === personId);
  }

  add(entry: OutboxEntry, history: History): Promise<void> {
    return this.write((store) => {
      store.put(entry);
      store.put(wrap(history));
    });
  }

  remove(id: string, history: History): Promise<void> {
    return this.write((store) => {
      store.delete(id);
      store.put(wrap(history));
    });
  }

  keepHistory(history: History): Promise<void> {
    return this.write((store) => store.put(wrap(history)));
  }

  async readHistory(passId: string, personId: string): Promise<History | null> {
    const store = this.database.transaction(STORE).objectStore(STORE);
    const found = (await settle(store.get(nameHistory({ passId, personId })))) as StoredHistory | undefined;
    return found?.history ?? null;
  }

  /** Let go of what can be undone in work that nobody has touched for a month. */
  forgetOld(nowMs: number): Promise<void> {
    return this.write((store) => {
      const request = store.openCursor(IDBKeyRange.bound(UNDO, `${UNDO}\uffff`));
      request.onsuccess = () => {
        const cursor = request.result;
        if (cursor === null) return;
        if ((cursor.value as StoredHistory).savedAt < nowMs - KEPT_MS) cursor.delete();
        cursor.continue();
      };
    });
  }

  private write(act: (store: IDBObjectStore) => void): Promise<void> {
    // "strict": the entry is on the disk, not only in a buffer, when this resolves.
    const transaction = this.database.transaction(STORE, "readwrite", { durability: "strict" });
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database gave up"));
      transaction.onerror = () => reject(transaction.error ?? new Error("the browser's database failed"));
      act(transaction.objectStore(STORE));
    });
  }
}

const wrap = (history: History): StoredHistory => ({ id: nameHistory(history), savedAt: Date.now(), history });

/** The browser's database; where it has none (private windows of some), memory, which pages must say. */
export async function openOutbox(factory: IDBFactory | undefined = globalThis.indexedDB): Promise<Outbox> {
  try {
    if (factory !== undefined) {
      const outbox = await IndexedDbOutbox.open(factory);
      await outbox.forgetOld(Date.now());
      return outbox;
    }
  } catch (error) {
    console.warn("finegym: the browser's database cannot be opened; unsent work is kept in memory only", error);
  }
  return new MemoryOutbox();
}

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database failed"));
  });
}
