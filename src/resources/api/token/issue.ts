import type { Tokens } from "../../../auth/tokens.js";
import type { Database } from "../../../db/database.js";
import { type NewToken, type TokenRow, tokenStore } from "./store.js";

/** What a token shall be, from when, and for how many seconds. */
export type TokenOrder = Omit<NewToken, "issuedAt" | "expiresAt"> & { readonly now: Date; readonly seconds: number };

/** Stores a new token, and signs its secret, which is kept nowhere. */
export async function issueToken(
  db: Database,
  tokens: Tokens,
  { now, seconds, ...granted }: TokenOrder,
): Promise<{ readonly row: TokenRow; readonly secret: string }> {
  // A JWT counts in whole seconds: so does the row, or the two would disagree.
  const issuedAt = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const expiresAt = new Date(issuedAt.getTime() + seconds * 1000);
  const row = await tokenStore.insert(db, { ...granted, issuedAt, expiresAt });
  if (row === undefined) throw new Error("the insert answered no row");
  const secret = await tokens.sign({ tokenId: row.id, user: row.owner, type: row.type, issuedAt, expiresAt });
  return { row, secret };
}
