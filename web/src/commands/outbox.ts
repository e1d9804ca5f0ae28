/**
 * Work that the server has not accepted yet, kept in the browser's database (IndexedDB): it outlives a reload, a crash
 * and a network that is gone. An entry is written before it is sent and removed after it was accepted.
 */

import type { Operation } from "./model";

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

export interface Outbox {
  /** Whether entries outlive a reload. */
  readonly isLasting: boolean;
  list(passId: string, personId: string): Promise<OutboxEntry[]>;
  add(entry: OutboxEntry): Promise<void>;
  remove(id: string): Promise<void>;
}

export class MemoryOutbox implements Outbox {
  readonly isLasting = false;
  private entries = new Map<string, OutboxEntry>();

  list(passId: string, personId: string): Promise<OutboxEntry[]> {
    const mine = [...this.entries.values()].filter((one) => one.passId === passId && one.personId === personId);
    return Promise.resolve(mine.sort((left, right) => left.order - right.order));
  }

  add(entry: OutboxEntry): Promise<void> {
    this.entries.set(entry.id, entry);
    return Promise.resolve();
  }

  remove(id: string): Promise<void> {
    this.entries.delete(id);
    return Promise.resolve();
  }
}

const DATABASE = "finegym";
const STORE = "outbox";

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

  add(entry: OutboxEntry): Promise<void> {
    return this.write((store) => store.put(entry));
  }

  remove(id: string): Promise<void> {
    return this.write((store) => store.delete(id));
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

/** The browser's database; where it has none (private windows of some), memory, which pages must say. */
export async function openOutbox(factory: IDBFactory | undefined = globalThis.indexedDB): Promise<Outbox> {
  try {
    if (factory !== undefined) return await IndexedDbOutbox.open(factory);
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
