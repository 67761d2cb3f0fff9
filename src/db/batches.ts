import { is } from "drizzle-orm";
import { PgTransaction } from "drizzle-orm/pg-core";
import type { Database } from "./database.js";

export interface BatchOptions<Key, Row> {
  /** Reads the rows of keys that differ, in any order; keys without a row are left out. */
  readonly read: (db: Database, keys: readonly Key[]) => Promise<readonly Row[]>;
  /** The same text for keys that mean the same row. */
  readonly nameOf: (key: Key) => string;
  /** The name of the key that a row was read for. */
  readonly nameOfRow: (row: Row) => string;
}

/** Reads one row by its key. */
export type ReadOne<Key, Row> = (db: Database, key: Key) => Promise<Row | undefined>;

const mostKeys = 100;

interface Batch<Key, Row> {
  readonly keys: Map<string, Key>;
  readonly rows: Promise<ReadonlyMap<string, Row>>;
  readonly run: () => void;
}

/**
 * Reads by key that begin in the same turn of the event loop share one statement, up to 100 keys: a process that
 * answers many calls at once asks the database once for them. Every read still begins after it was asked for. In a
 * transaction, where reads come one by one, none waits. Rows may be shared: nobody changes them.
 */
export function inBatches<Key, Row>({ read, nameOf, nameOfRow }: BatchOptions<Key, Row>): ReadOne<Key, Row> {
  const open = new WeakMap<Database, Batch<Key, Row>>();

  const begin = (db: Database): Batch<Key, Row> => {
    const keys = new Map<string, Key>();
    let start = (): void => {};
    const begun = new Promise<void>((resolve) => (start = resolve));
    const load = async (): Promise<ReadonlyMap<string, Row>> => {
      await begun;
      const rows = await read(db, [...keys.values()]);
      return new Map(rows.map((row) => [nameOfRow(row), row]));
    };
    const batch: Batch<Key, Row> = {
      keys,
      rows: load(),
      run() {
        if (open.get(db) === batch) open.delete(db);
        start();
      },
    };
    open.set(db, batch);
    // After all that has come in by now was handed to its handlers.
    setImmediate(batch.run);
    return batch;
  };

  return async (db, key) => {
    if (isTransaction(db)) return (await read(db, [key]))[0];
    const name = nameOf(key);
    const batch = open.get(db) ?? begin(db);
    batch.keys.set(name, key);
    if (batch.keys.size >= mostKeys) batch.run();
    return (await batch.rows).get(name);
  };
}

const isTransaction = (db: object): boolean => is(db, PgTransaction);
