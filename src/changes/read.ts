import { sql } from "drizzle-orm";
import type pg from "pg";
import type { Database } from "../db/database.js";
import type { Change } from "./change.js";

/** What became visible since a snapshot. */
export interface News {
  /** Where to read on. */
  readonly snapshot: string;
  /** The topics with too many changes to name. */
  readonly flooded: readonly string[];
  /** The changes of the other topics, each row once. */
  readonly changes: ReadonlyMap<string, readonly Change[]>;
}

/** The present snapshot: which transactions are finished now. */
export async function takeSnapshot(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ snapshot: string }>("select pg_current_snapshot()::text as snapshot");
  return firstOf(rows).snapshot;
}

// One statement sees one snapshot: it returns exactly the rows that are visible in
// the snapshot that it returns and were not in the earlier one, in whichever order they were committed.
const READ = `
  with fresh as materialized (
    select distinct topic, scope, key from changes
    where xid >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(xid, $1::pg_snapshot)
  ), flooded as (
    select topic from fresh group by topic having count(*) > $2
  )
  select
    pg_current_snapshot()::text as snapshot,
    array(select topic from flooded) as flooded,
    (select json_agg(fresh) from fresh where topic not in (select topic from flooded)) as changes`;

/** Reads what was committed since `since`; a topic with more than `max` changed rows is only named. */
export async function readChanges(client: pg.Client, since: string, max: number): Promise<News> {
  const { rows } = await client.query<{ snapshot: string; flooded: string[]; changes: Change[] | null }>({
    name: "changes",
    text: READ,
    values: [since, max],
  });
  const { snapshot, flooded, changes } = firstOf(rows);
  const byTopic = new Map<string, Change[]>();
  for (const change of changes ?? []) {
    const ofTopic = byTopic.get(change.topic);
    if (ofTopic === undefined) byTopic.set(change.topic, [change]);
    else ofTopic.push(change);
  }
  return { snapshot, flooded, changes: byTopic };
}

/** Whether the later snapshot is of an older state, as after a restored backup: nothing can be said of what changed. */
export function wentBack(earlier: string, later: string): boolean {
  return nextTransaction(later) < nextTransaction(earlier);
}

/** Deletes the changes that were recorded before a time; readers must have read them by then. */
export async function pruneChanges(db: Database, olderThan: Date): Promise<void> {
  await db.execute(sql`delete from changes where at < ${olderThan.toISOString()}::timestamptz`);
}

/** The second part of "xmin:xmax:running", the first transaction that had not begun. */
function nextTransaction(snapshot: string): bigint {
  return BigInt(snapshot.split(":")[1] ?? 0);
}

function firstOf<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("the database returned no row");
  return row;
}
