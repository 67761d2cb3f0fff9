import type { Database } from "../../../db/database.js";
import { tokenStore } from "../../api/token/store.js";
import { sessionStore } from "./store.js";

/** Revokes a token and, if it belongs to a session, ends that with all its tokens; false when there is no such live token. */
export async function endTokenAndSession(db: Database, owner: string, id: string, now: Date): Promise<boolean> {
  const token = await tokenStore.get(db, owner, id, now);
  if (token === undefined) return false;
  await tokenStore.revoke(db, owner, id, now);
  if (token.session !== null) await sessionStore.end(db, token.session, now);
  return true;
}
