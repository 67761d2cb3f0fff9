import type { Database } from "../db/database.js";
import { DomainError } from "../errors.js";
import { type StoredKey, signingKeyStore } from "./signing-key-store.js";
import { signingKey } from "./signing-keys.js";

/** By how much clocks of servers may differ: one may sign with a key so much earlier. */
const maxClockSkewMs = 60_000;
/** How much later a server may learn that another key signs: twice the longest feed silence that can be configured. */
const maxLateMs = 600_000;

/**
 * Removes a key; its tokens end at once. Unless forced, throws "precondition" while
 * the key signs, or while tokens are alive that it may have signed; "missing" when
 * there is no such key.
 */
export async function removeSigningKey(db: Database, kid: string, now: Date, force: boolean): Promise<void> {
  await db.transaction(async (tx) => {
    const keys = await signingKeyStore.lock(tx);
    if (!keys.some((key) => key.kid === kid)) throw new DomainError("missing", `there is no key ${kid}`);
    if (!force) await demandUnused(tx, keys, kid, now);
    await signingKeyStore.remove(tx, kid);
  });
}

async function demandUnused(db: Database, keys: readonly StoredKey[], kid: string, now: Date): Promise<void> {
  if (signingKey(keys, now)?.kid === kid) {
    throw new DomainError("precondition", `key ${kid} signs: rotate first, or end all of its tokens with --force`);
  }
  const { from, until } = timeOfSigning(keys, kid);
  const alive = await signingKeyStore.liveTokens(db, from, until, now);
  if (alive === 0) return;
  const tokens = alive === 1 ? "1 token is" : `${alive} tokens are`;
  throw new DomainError(
    "precondition",
    `${tokens} alive that key ${kid} may have signed: wait, or end them with --force`,
  );
}

/** Between which times of issue a token may be signed by a key, the newest keys first; tokens do not say by which they are. */
function timeOfSigning(
  keys: readonly StoredKey[],
  kid: string,
): { readonly from: Date; readonly until: Date | undefined } {
  const at = keys.findIndex((key) => key.kid === kid);
  const began = keys[at]?.signsFrom.getTime() ?? 0;
  const ended = Math.min(...keys.slice(0, at).map(({ signsFrom }) => signsFrom.getTime()));
  return {
    from: new Date(began - maxClockSkewMs),
    until: Number.isFinite(ended) ? new Date(ended + maxLateMs) : undefined,
  };
}
