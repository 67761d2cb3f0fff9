import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";

const dayMs = 86_400_000;
const daysAhead = 3;
/** Any number that no other program locks in the same database. */
const lock = 7_541_331;
/** Whoever writes meanwhile waits no longer than that for a lock that a change of the table waits for. */
const lockTimeoutMs = 1_000;
/** How long rows of the present day, which writers need, may be moved, and those of other days. */
const presentTimeoutMs = 4_000;
const otherTimeoutMs = 15_000;

export interface MaintainOptions {
  readonly now: Date;
  readonly retentionDays: number;
  /** Fires when the work has to stop; what is done stays done. */
  readonly signal?: AbortSignal;
}

/**
 * Makes the audit log's partitions of today and the next three days, moves rows
 * that had none into partitions of theirs, and drops what is older than the
 * retention. Each step is a transaction of its own and gives way to writers;
 * those that fail are left to the next time, and the first error is thrown at the end.
 * Any number of processes may do it at once.
 */
export async function maintainPartitions(db: Database, { now, retentionDays, signal }: MaintainOptions): Promise<void> {
  const today = startOfDay(now);
  const ahead = Array.from({ length: daysAhead }, (_, i) => new Date(today.getTime() + (i + 1) * dayMs));
  const makeDay = (day: Date) => () => ensureDay(db, day, day.getTime() === today.getTime());
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    if (signal?.aborted) return;
    await step().catch((error: unknown) => errors.push(error));
  };
  await attempt(async () => {
    const oldest = (await earlierOf(db, now)) - retentionDays * dayMs;
    await dropOlder(db, new Date(oldest));
  });
  // What comes first: rows of tomorrow must find their partition.
  for (const day of [...ahead, today]) await attempt(makeDay(day));
  for (const day of await strayDays(db, today)) await attempt(makeDay(day));
  if (errors.length > 0) throw errors[0];
}

/** Makes the partition of a day unless it is there, with the rows of that day from the default one. */
async function ensureDay(db: Database, day: Date, isPresent: boolean): Promise<void> {
  const name = partitionOf(day);
  const table = sql.identifier(name);
  const from = sql.raw(`'${day.toISOString()}'`);
  const to = sql.raw(`'${new Date(day.getTime() + dayMs).toISOString()}'`);
  if (await exists(db, name)) return;
  await changing(db, isPresent ? presentTimeoutMs : otherTimeoutMs, async (tx) => {
    if (await exists(tx, name)) return;
    // Attached, not made as a partition: that would lock out all writers. Rows of other days go on being written.
    await tx.execute(sql`create table ${table} (like audit_entries including all)`);
    await tx.execute(sql`lock table audit_entries_default in access exclusive mode`);
    await tx.execute(sql`
      with moved as (delete from audit_entries_default where at >= ${from} and at < ${to} returning *)
      insert into ${table} select * from moved`);
    await tx.execute(sql`alter table audit_entries attach partition ${table} for values from (${from}) to (${to})`);
  });
}

/** The past days of rows in the default partition, the newest first. */
async function strayDays(db: Database, today: Date): Promise<Date[]> {
  const { rows } = await db.execute<{ day: string }>(sql`
    select distinct to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day from audit_entries_default
    where at < ${today.toISOString()}::timestamptz order by day desc`);
  return rows.map(({ day }) => new Date(`${day}T00:00:00Z`));
}

/** The database's time where that is earlier, in ms: a clock that runs ahead must not drop what has to be kept. */
async function earlierOf(db: Database, now: Date): Promise<number> {
  const { rows } = await db.execute<{ ms: number }>(sql`
    select extract(epoch from least(now(), ${now.toISOString()}::timestamptz))::float8 * 1000 as ms`);
  const [row] = rows;
  if (row === undefined) throw new Error("the database did not say what time it is");
  return row.ms;
}

/** Drops the partitions whose last moment is older, and rows of the default one that are. */
async function dropOlder(db: Database, oldest: Date): Promise<void> {
  await db.execute(sql`delete from audit_entries_default where at < ${oldest.toISOString()}::timestamptz`);
  const { rows } = await db.execute<{ name: string }>(sql`
    select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'audit_entries'::regclass and relname < ${partitionOf(oldest)} and ${isOfDay(sql`relname`)}
    order by relname`);
  for (const { name } of rows) {
    await changing(db, otherTimeoutMs, async (tx) => {
      await tx.execute(sql`drop table if exists ${sql.identifier(name)}`);
    });
  }
}

/** Runs a change of the tables, unless another process is at one now: that one does the same. */
async function changing(db: Database, timeoutMs: number, change: (tx: Database) => Promise<void>): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql.raw(`set local lock_timeout = ${lockTimeoutMs}`));
    await tx.execute(sql.raw(`set local statement_timeout = ${timeoutMs}`));
    const { rows } = await tx.execute<{ locked: boolean }>(sql`select pg_try_advisory_xact_lock(${lock}) as locked`);
    if (rows[0]?.locked === true) await change(tx);
  });
}

async function exists(db: Database, name: string): Promise<boolean> {
  const { rows } = await db.execute<{ there: boolean }>(sql`select to_regclass(${name}) is not null as there`);
  return rows[0]?.there === true;
}

const isOfDay = (name: SQL): SQL => sql`${name} ~ '^audit_entries_p[0-9]{8}$'`;

const startOfDay = (time: Date): Date => new Date(Math.floor(time.getTime() / dayMs) * dayMs);

/** The partition of the day (UTC) of a moment: "audit_entries_p20260102". Names sort by day. */
const partitionOf = (moment: Date): string => `audit_entries_p${moment.toISOString().slice(0, 10).replaceAll("-", "")}`;
