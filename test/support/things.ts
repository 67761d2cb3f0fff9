import { sql } from "drizzle-orm";
import type { Database } from "../../src/db/database.js";

/** A row of the watched table that the tests of the foundation use. */
export interface Thing {
  readonly id: string;
  readonly project: string;
  readonly version: number;
}

/** Creates the watched table. */
export async function createThings(db: Database): Promise<void> {
  await db.execute(sql`create table things (id text primary key, project text not null, version int not null)`);
  await db.execute(sql`
    create trigger things_changed after insert or update or delete on things
    for each row execute function record_change('thing', 'project', 'id')`);
}

/** Inserts a thing, or raises its version. */
export async function touch(db: Database, id: string, project = "p1"): Promise<void> {
  await db.execute(sql`
    insert into things values (${id}, ${project}, 1)
    on conflict (id) do update set version = things.version + 1`);
}

/** The things with these ids, or all. */
export async function loadThings(db: Database, ids?: readonly string[]): Promise<Thing[]> {
  const filter = ids === undefined ? sql`true` : sql`id in ${ids.length === 0 ? [""] : [...ids]}`;
  const { rows } = await db.execute<{ id: string; project: string; version: number }>(
    sql`select id, project, version from things where ${filter} order by id`,
  );
  return rows;
}
