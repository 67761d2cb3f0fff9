import { and, asc, eq, gt, lt, lte, sql } from "drizzle-orm";
import type { Database } from "../../../../db/database.js";
import { shellInputs, shellSessions } from "../table.js";

/** A piece of input as it is kept, until the process of its shell takes it. */
export interface StoredInput {
  readonly number: number;
  readonly inputSealed: string;
}

/** Which session: one of that deployment, opened by that principal. */
export interface SessionKey {
  readonly id: string;
  readonly deployment: string;
  readonly principal: string;
}

/** Shells whose input comes by calls of its own. */
export const shellStore = {
  async open(db: Database, key: SessionKey, now: Date): Promise<void> {
    await db.insert(shellSessions).values({ ...key, openedAt: now, aliveAt: now });
  },

  /** The shell is still open. */
  async renew(db: Database, id: string, now: Date): Promise<void> {
    await db.update(shellSessions).set({ aliveAt: now }).where(eq(shellSessions.id, id));
  },

  /** Forgets a session with its input. */
  async close(db: Database, id: string): Promise<void> {
    await db.delete(shellSessions).where(eq(shellSessions.id, id));
  },

  /** Forgets those whose process has died. */
  async prune(db: Database, before: Date): Promise<void> {
    await db.delete(shellSessions).where(lt(shellSessions.aliveAt, before));
  },

  /** Whether it was open after a time; it stays until the transaction ends. */
  async holds(tx: Database, { id, deployment, principal }: SessionKey, since: Date): Promise<boolean> {
    const rows = await tx
      .select({ id: shellSessions.id })
      .from(shellSessions)
      .where(
        and(
          eq(shellSessions.id, id),
          eq(shellSessions.deployment, deployment),
          eq(shellSessions.principal, principal),
          gt(shellSessions.aliveAt, since),
        ),
      )
      .for("key share");
    return rows.length > 0;
  },

  /** How much input waits. */
  waiting: (db: Database, session: string): Promise<number> => db.$count(shellInputs, eq(shellInputs.session, session)),

  /** Adds input, unless there is some of that number. */
  async add(tx: Database, session: string, input: StoredInput): Promise<void> {
    await tx
      .insert(shellInputs)
      .values({ session, ...input })
      .onConflictDoNothing();
  },

  /** The input from that number on, in order. */
  from(db: Database, session: string, number: number, most: number): Promise<StoredInput[]> {
    return db
      .select({ number: shellInputs.number, inputSealed: shellInputs.inputSealed })
      .from(shellInputs)
      .where(and(eq(shellInputs.session, session), sql`${shellInputs.number} >= ${number}`))
      .orderBy(asc(shellInputs.number))
      .limit(most);
  },

  /** Forgets the input up to that number. */
  async taken(db: Database, session: string, number: number): Promise<void> {
    await db.delete(shellInputs).where(and(eq(shellInputs.session, session), lte(shellInputs.number, number)));
  },
};
