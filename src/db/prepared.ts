import type { Database } from "./database.js";

/**
 * A query that is built and parsed once per connection pool, not at each call:
 * `build` ends in `.prepare(name)`, with placeholders for what varies. Names
 * are unique in the program. In a transaction it is built for that transaction.
 */
export function prepared<Query>(build: (db: Database) => Query): (db: Database) => Query {
  const known = new WeakMap<Database, Query>();
  return (db) => {
    let query = known.get(db);
    if (query === undefined) {
      query = build(db);
      known.set(db, query);
    }
    return query;
  };
}
