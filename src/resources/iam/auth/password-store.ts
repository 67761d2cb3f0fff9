import { and, eq, gt, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { passwordResets, passwords } from "../principal/table.js";

/** So many wrong guesses cost nothing; each further one doubles the time to wait, from one second on. */
export const freeGuesses = 5;
/** Nobody is locked out for longer. */
export const longestWaitSeconds = 900;

/** What a guess may be held against, or until when none is looked at. */
export type Guess =
  | { readonly kind: "open"; readonly digest: string }
  | { readonly kind: "locked"; readonly until: Date }
  /** No such user, or one without a password. */
  | { readonly kind: "none" };

/** The time to wait after so many wrong guesses, in seconds. */
export function waitAfter(failures: number): number {
  return failures < freeGuesses ? 0 : Math.min(longestWaitSeconds, 2 ** (failures - freeGuesses));
}

export const passwordStore = {
  /**
   * Begins a guess. It counts as a wrong one until `forgive` says otherwise, so that
   * guesses at the same time are no cheaper than one after the other.
   */
  async guess(db: Database, principal: string, now: Date): Promise<Guess> {
    const at = sql`${now.toISOString()}::timestamptz`;
    const count = sql`(${passwords.failures} + 1)`;
    const wait = sql`least(${longestWaitSeconds}::float8, power(2, least(${count} - ${freeGuesses}::int, 30)))`;
    const [row] = await db
      .update(passwords)
      .set({
        failures: sql`${count}`,
        lockedUntil: sql`case when ${count} < ${freeGuesses}::int then null else ${at} + make_interval(secs => ${wait}) end`,
      })
      .where(
        and(
          eq(passwords.principal, principal),
          sql`${passwords.digest} is not null`,
          sql`(${passwords.lockedUntil} is null or ${passwords.lockedUntil} <= ${at})`,
        ),
      )
      .returning({ digest: passwords.digest });
    if (row?.digest) return { kind: "open", digest: row.digest };
    const [locked] = await db
      .select({ until: passwords.lockedUntil })
      .from(passwords)
      .where(
        and(eq(passwords.principal, principal), sql`${passwords.digest} is not null`, gt(passwords.lockedUntil, now)),
      );
    return locked?.until ? { kind: "locked", until: locked.until } : { kind: "none" };
  },

  /** The digest of a user's password; undefined when there is none. */
  async digest(db: Database, principal: string): Promise<string | undefined> {
    const [row] = await db
      .select({ digest: passwords.digest })
      .from(passwords)
      .where(eq(passwords.principal, principal));
    return row?.digest ?? undefined;
  },

  /** Forgets the wrong guesses: the right one has come. */
  async forgive(db: Database, principal: string): Promise<void> {
    await db.update(passwords).set({ failures: 0, lockedUntil: null }).where(eq(passwords.principal, principal));
  },

  /** Whether that password still is the user's; it stays so until the transaction ends. */
  async holds(tx: Database, principal: string, digest: string, lock: "share" | "update" = "share"): Promise<boolean> {
    const rows = await tx
      .select({ principal: passwords.principal })
      .from(passwords)
      .where(and(eq(passwords.principal, principal), eq(passwords.digest, digest)))
      .for(lock);
    return rows.length > 0;
  },

  /** Sets the password of a user; wrong guesses of the old one are forgotten, and codes to set it end. */
  async set(tx: Database, principal: string, digest: string, now: Date): Promise<void> {
    const set = { digest, changedAt: now, failures: 0, lockedUntil: null };
    await tx
      .insert(passwords)
      .values({ principal, ...set })
      .onConflictDoUpdate({ target: passwords.principal, set });
    await tx.delete(passwordResets).where(eq(passwordResets.principal, principal));
  },

  /** Whether a code to set the password of that user holds. */
  async resetHolds(db: Database, principal: string, digest: string, now: Date): Promise<boolean> {
    return (await db.$count(passwordResets, reset(principal, digest, now))) > 0;
  },

  /** Uses a code to set a password up; false when there is none. */
  async useReset(tx: Database, principal: string, digest: string, now: Date): Promise<boolean> {
    const rows = await tx
      .delete(passwordResets)
      .where(reset(principal, digest, now))
      .returning({ principal: passwordResets.principal });
    return rows.length > 0;
  },
};

const reset = (principal: string, digest: string, now: Date) =>
  and(eq(passwordResets.digest, digest), eq(passwordResets.principal, principal), gt(passwordResets.expiresAt, now));
