import { and, eq, gt, inArray, isNull, lte, or, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { tokens } from "../../api/token/table.js";
import { passwordResets } from "../principal/table.js";
import { loginAttempts, loginCodes, sessions } from "./table.js";

export type LoginAttemptRow = typeof loginAttempts.$inferSelect;
export type SessionRow = typeof sessions.$inferSelect;

/** A login code, and whose session it opens. */
export interface FoundCode {
  readonly session: string;
  readonly principal: string;
  readonly codeChallenge: string;
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
}

/** Neither ended nor over. */
const alive = (now: Date) => and(isNull(sessions.endedAt), gt(sessions.expiresAt, now));

export const loginAttemptStore = {
  async insert(db: Database, row: typeof loginAttempts.$inferInsert): Promise<void> {
    await db.insert(loginAttempts).values(row);
  },

  /** Takes a sign-in away, so that nobody else gets it; undefined when there is none that is not over. */
  async take(db: Database, digest: string, provider: string, now: Date): Promise<LoginAttemptRow | undefined> {
    const [row] = await db
      .delete(loginAttempts)
      .where(
        and(eq(loginAttempts.digest, digest), eq(loginAttempts.provider, provider), gt(loginAttempts.expiresAt, now)),
      )
      .returning();
    return row;
  },
};

export const loginCodeStore = {
  async insert(db: Database, row: typeof loginCodes.$inferInsert): Promise<void> {
    await db.insert(loginCodes).values(row);
  },

  async get(db: Database, digest: string): Promise<FoundCode | undefined> {
    const { session, codeChallenge, expiresAt, usedAt } = loginCodes;
    const [row] = await db
      .select({ session, codeChallenge, expiresAt, usedAt, principal: sessions.principal })
      .from(loginCodes)
      .innerJoin(sessions, eq(sessions.id, loginCodes.session))
      .where(eq(loginCodes.digest, digest));
    return row;
  },

  /** Uses a code up; false when it was used before, or has expired. */
  async use(db: Database, digest: string, now: Date): Promise<boolean> {
    const rows = await db
      .update(loginCodes)
      .set({ usedAt: now })
      .where(and(eq(loginCodes.digest, digest), isNull(loginCodes.usedAt), gt(loginCodes.expiresAt, now)))
      .returning({ session: loginCodes.session });
    return rows.length > 0;
  },
};

export const sessionStore = {
  async insert(db: Database, row: typeof sessions.$inferInsert): Promise<void> {
    await db.insert(sessions).values(row);
  },

  /** A session that goes on. */
  async get(db: Database, id: string, now: Date): Promise<SessionRow | undefined> {
    const [row] = await db
      .select()
      .from(sessions)
      .where(and(eq(sessions.id, id), alive(now)));
    return row;
  },

  /** Gives a session that goes on its first refresh token, and its end; false when it is over. */
  async open(
    tx: Database,
    id: string,
    { refreshDigest, expiresAt, now }: { readonly refreshDigest: string; readonly expiresAt: Date; readonly now: Date },
  ): Promise<boolean> {
    const rows = await tx
      .update(sessions)
      .set({ refreshDigest, expiresAt })
      .where(and(eq(sessions.id, id), alive(now), isNull(sessions.refreshDigest)))
      .returning({ id: sessions.id });
    return rows.length > 0;
  },

  /** Puts a new refresh token in place of the one that holds; false when another holds, or the session is over. */
  async renew(
    tx: Database,
    id: string,
    { held, next, now }: { readonly held: string; readonly next: string; readonly now: Date },
  ): Promise<boolean> {
    const rows = await tx
      .update(sessions)
      .set({ refreshDigest: next, refreshes: sql`${sessions.refreshes} + 1` })
      .where(and(eq(sessions.id, id), eq(sessions.refreshDigest, held), alive(now)))
      .returning({ id: sessions.id });
    return rows.length > 0;
  },

  /**
   * Ends a session and revokes its tokens. A token is stored in a transaction that
   * has written to its session, so that none slips through in between.
   */
  async end(db: Database, id: string, now: Date): Promise<void> {
    await db.transaction((tx) => endSessions(tx, eq(sessions.id, id), now));
  },

  /** The same for all sessions of a principal. */
  async endAll(tx: Database, principal: string, now: Date): Promise<void> {
    await endSessions(tx, eq(sessions.principal, principal), now);
  },
};

async function endSessions(tx: Database, which: ReturnType<typeof eq>, now: Date): Promise<void> {
  const ended = await tx
    .update(sessions)
    .set({ endedAt: now })
    .where(and(which, isNull(sessions.endedAt)))
    .returning({ id: sessions.id });
  if (ended.length === 0) return;
  const ids = ended.map(({ id }) => id);
  await tx
    .update(tokens)
    .set({ revokedAt: now })
    .where(and(inArray(tokens.session, ids), isNull(tokens.revokedAt)));
}

/** Forgets sign-ins, codes, sessions with their tokens, tokens of sign-ins, and reset codes that were over by then. */
export async function pruneSignIns(db: Database, by: Date): Promise<void> {
  await db.delete(loginAttempts).where(lte(loginAttempts.expiresAt, by));
  await db.delete(loginCodes).where(lte(loginCodes.expiresAt, by));
  await db.delete(sessions).where(or(lte(sessions.expiresAt, by), lte(sessions.endedAt, by)));
  await db.delete(tokens).where(and(eq(tokens.type, "console"), lte(tokens.expiresAt, by)));
  await db.delete(passwordResets).where(lte(passwordResets.expiresAt, by));
}
