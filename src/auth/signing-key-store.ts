import { and, asc, desc, eq, gt, gte, isNull, lte, sql } from "drizzle-orm";
import type { JWK } from "jose";
import type { Database } from "../db/database.js";
import { tokens } from "../resources/api/token/table.js";
import { signingKeys } from "./table.js";

/** What is known of a key without its private part. */
export interface StoredKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly createdAt: Date;
  readonly signsFrom: Date;
}

const { kid, publicJwk, createdAt, signsFrom } = signingKeys;

export const signingKeyStore = {
  /** All keys, the newest first. */
  list(db: Database): Promise<StoredKey[]> {
    return db.select({ kid, publicJwk, createdAt, signsFrom }).from(signingKeys).orderBy(desc(createdAt), asc(kid));
  },

  /** The same, and nobody else changes one of them until the transaction ends. */
  async lock(tx: Database): Promise<StoredKey[]> {
    await tx.execute(sql`lock table ${signingKeys} in share row exclusive mode`);
    return await signingKeyStore.list(tx);
  },

  /** The private part of a key, sealed; undefined when there is no such key. */
  async privateJwe(db: Database, id: string): Promise<string | undefined> {
    const [row] = await db.select({ jwe: signingKeys.privateJwe }).from(signingKeys).where(eq(kid, id));
    return row?.jwe;
  },

  async insert(db: Database, key: typeof signingKeys.$inferInsert): Promise<void> {
    await db.insert(signingKeys).values(key);
  },

  async remove(db: Database, id: string): Promise<void> {
    await db.delete(signingKeys).where(eq(kid, id));
  },

  /** How many tokens that were issued in this time are alive. */
  async liveTokens(db: Database, from: Date, until: Date | undefined, now: Date): Promise<number> {
    return await db.$count(
      tokens,
      and(
        isNull(tokens.revokedAt),
        gt(tokens.expiresAt, now),
        gte(tokens.issuedAt, from),
        until === undefined ? undefined : lte(tokens.issuedAt, until),
      ),
    );
  },
};
