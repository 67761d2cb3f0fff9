import { and, desc, eq, gt, isNull, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { prepared } from "../../../db/prepared.js";
import { tokens } from "./table.js";

export type TokenRow = typeof tokens.$inferSelect;
export type NewToken = Omit<typeof tokens.$inferInsert, "revokedAt">;

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

  /** The live tokens of an owner, newest first. */
  list(db: Database, owner: string, now: Date): Promise<TokenRow[]> {
    return db
      .select()
      .from(tokens)
      .where(and(eq(tokens.owner, owner), alive(now)))
      .orderBy(desc(tokens.issuedAt), tokens.id);
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
