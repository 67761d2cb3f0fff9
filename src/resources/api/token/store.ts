import { and, desc, eq, gt, inArray, isNull, lte, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { prepared } from "../../../db/prepared.js";
import { principals } from "../../iam/principal/table.js";
import { tokens } from "./table.js";

export type TokenRow = typeof tokens.$inferSelect;
export type NewToken = Omit<typeof tokens.$inferInsert, "revokedAt">;
/** What can be changed of a token. */
export type TokenChange = Pick<TokenRow, "description" | "permissions" | "projectRoles" | "tenantRoles" | "adminRole">;

/** Most tokens in a list, which has no pages: all the API tokens that one owner can make fit in. */
export const mostListed = 2_000;

/** Neither revoked nor expired. */
const alive = (now: Date) => and(isNull(tokens.revokedAt), gt(tokens.expiresAt, now));

const given = sql.placeholder;
const getLive = prepared((db) =>
  db
    .select()
    .from(tokens)
    .where(
      and(
        eq(tokens.id, given("id")),
        eq(tokens.owner, given("owner")),
        isNull(tokens.revokedAt),
        gt(tokens.expiresAt, given("now")),
      ),
    )
    .prepare("token_get"),
);

export const tokenStore = {
  async insert(db: Database, token: NewToken): Promise<TokenRow | undefined> {
    const [row] = await db.insert(tokens).values(token).returning();
    return row;
  },

  /** A live token of that owner. */
  async get(db: Database, owner: string, id: string, now: Date): Promise<TokenRow | undefined> {
    const [row] = await getLive(db).execute({ id, owner, now });
    return row;
  },

  /**
   * The live tokens of an owner, or of everybody, newest first. Of too many, those from signing in are left out before
   * API tokens, which last, and older ones before newer ones.
   */
  list(db: Database, owner: string | undefined, now: Date): Promise<TokenRow[]> {
    const shown = db
      .select({ id: tokens.id })
      .from(tokens)
      .where(and(owner === undefined ? undefined : eq(tokens.owner, owner), alive(now)))
      .orderBy(sql`${tokens.type} = 'console'`, desc(tokens.issuedAt), tokens.id)
      .limit(mostListed);
    return db.select().from(tokens).where(inArray(tokens.id, shown)).orderBy(desc(tokens.issuedAt), tokens.id);
  },

  /** How many live API tokens an owner has; makes others who add to them wait until the transaction ends. */
  async lockOwnerAndCount(tx: Database, owner: string, now: Date): Promise<number> {
    await tx.select({ id: principals.id }).from(principals).where(eq(principals.id, owner)).for("no key update");
    return await tx.$count(tokens, and(eq(tokens.owner, owner), eq(tokens.type, "api"), alive(now)));
  },

  /** Those of the tokens that are live and of that owner; nobody else changes them until the transaction ends. */
  lock(tx: Database, owner: string, ids: readonly string[], now: Date): Promise<TokenRow[]> {
    return tx
      .select()
      .from(tokens)
      .where(and(inArray(tokens.id, [...ids]), eq(tokens.owner, owner), alive(now)))
      .orderBy(tokens.id)
      .for("update");
  },

  /** Changes a live token of that owner; undefined when there is none. */
  async update(db: Database, owner: string, id: string, change: TokenChange, now: Date): Promise<TokenRow | undefined> {
    const [row] = await db
      .update(tokens)
      .set(change)
      .where(and(eq(tokens.id, id), eq(tokens.owner, owner), alive(now)))
      .returning();
    return row;
  },

  /** Forgets the tokens that have expired by then. */
  async prune(db: Database, by: Date): Promise<void> {
    await db.delete(tokens).where(lte(tokens.expiresAt, by));
  },

  /** Revokes a live token of that owner; false when there is none. */
  async revoke(db: Database, owner: string, id: string, now: Date): Promise<boolean> {
    const rows = await db
      .update(tokens)
      .set({ revokedAt: now })
      .where(and(eq(tokens.id, id), eq(tokens.owner, owner), alive(now)))
      .returning({ id: tokens.id });
    return rows.length > 0;
  },
};
