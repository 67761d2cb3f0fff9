import { AdminRole } from "../../../../gen/ts/api/v1/common_pb.js";
import type { QuotaServiceSetRequest } from "../../../../gen/ts/deploy/v1/quota_pb.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { holdScope } from "./find.js";
import { limitsOf, refuseBelowUse, scopeToSet } from "./rules.js";
import { type QuotaRow, type QuotaScope, type QuotaUse, quotaStore } from "./store.js";

/** A quota with what is in use. */
export interface QuotaView {
  readonly row: QuotaRow | undefined;
  readonly use: QuotaUse;
}

/** Sets limits, one after another in a tenant, and never below what is in use. */
export async function setQuota(
  { db, clock, newId }: Platform,
  caller: Caller,
  request: QuotaServiceSetRequest,
): Promise<QuotaView> {
  const scope = scopeToSet(request);
  if (scope.kind === "tenant" && caller.granted.adminRole !== AdminRole.EDITOR) {
    throw new DomainError("denied", "the limits of a tenant are set by admins");
  }
  const limits = limitsOf(request);
  return await db.transaction(async (tx) => {
    // What the limits refer to comes first: who holds a deployment may be waiting for the lock.
    const tenant = await holdScope(tx, scope);
    await quotaStore.lock(tx, tenant);
    const use = await quotaStore.use(tx, scope);
    refuseBelowUse(scope, limits, use);
    return { row: await written(tx, scope), use };
  });

  async function written(tx: Database, of: QuotaScope): Promise<QuotaRow | undefined> {
    if (Object.keys(limits).length === 0) return await quotaStore.get(tx, of);
    return await quotaStore.put(tx, of, limits, { id: newId(), now: clock() });
  }
}
