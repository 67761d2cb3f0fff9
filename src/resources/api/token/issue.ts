import type { Tokens } from "../../../auth/tokens.js";
import type { Database } from "../../../db/database.js";
import { type NewToken, type TokenRow, tokenStore } from "./store.js";

/** What a token shall be, from when, and for how many seconds. */
export type TokenOrder = Omit<NewToken, "issuedAt" | "expiresAt"> & { readonly now: Date; readonly seconds: number };

/** A token that is signed, but not stored yet: it does not hold before. */
export interface SignedToken {
  readonly row: NewToken;
  readonly secret: string;
}

/** Signs the secret of a new token, which is kept nowhere. */
export async function signToken(tokens: Tokens, { now, seconds, ...granted }: TokenOrder): Promise<SignedToken> {
  // A JWT counts in whole seconds: so does the row, or the two would disagree.
  const issuedAt = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const expiresAt = new Date(issuedAt.getTime() + seconds * 1000);
  const { id: tokenId, owner: user, type } = granted;
  const secret = await tokens.sign({ tokenId, user, type, issuedAt, expiresAt });
  return { row: { ...granted, issuedAt, expiresAt }, secret };
}

/** Signs a new token, and stores it. */
export async function issueToken(
  db: Database,
  tokens: Tokens,
  order: TokenOrder,
): Promise<{ readonly row: TokenRow; readonly secret: string }> {
  const { row: wanted, secret } = await signToken(tokens, order);
  const row = await tokenStore.insert(db, wanted);
  if (row === undefined) throw new Error("the insert answered no row");
  return { row, secret };
}
