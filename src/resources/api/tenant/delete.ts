import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Tenant } from "../../../../gen/ts/api/v1/tenant_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../member/store.js";
import { projectStore } from "../project/store.js";
import { found } from "./create.js";
import { tenantMessage } from "./messages.js";
import { isPersonal } from "./rules.js";
import { tenantStore } from "./store.js";

const mostNamed = 5;

/**
 * Deletes a tenant with its members, bots, teams, roles and invitations; throws "precondition" while it has projects,
 * and when nobody would own a tenant any more that its bots own.
 */
export async function deleteTenant({ db, clock }: Platform, login: string): Promise<Tenant> {
  return await db.transaction(async (tx) => {
    const row = found(await tenantStore.lock(tx, login), login);
    if (isPersonal(row)) {
      throw new DomainError(
        "precondition",
        `${login} is the personal tenant of its user and stays as long as the user`,
      );
    }
    const projects = await projectStore.ofTenant(tx, login);
    if (projects.length > 0) {
      const names = projects.slice(0, mostNamed).map(({ name, id }) => `${name} (${id})`);
      if (projects.length > mostNamed) names.push(`${projects.length - mostNamed} more`);
      throw new DomainError("precondition", `tenant ${login} has projects: delete ${names.join(", ")} first`);
    }
    await refuseToOrphan(tx, login);
    await tenantStore.remove(tx, login);
    return Object.assign(tenantMessage(row), { deletedAt: timestampFromDate(clock()) });
  });
}

/** Its bots go with it, and may be the last owners of other tenants. */
async function refuseToOrphan(tx: Database, login: string): Promise<void> {
  for (const tenant of (await memberStore.ownedByBotsOf(tx, login)).sort()) {
    await memberStore.lockTenant(tx, tenant);
    if (await memberStore.hasOwnerBesideBotsOf(tx, tenant, login)) continue;
    throw new DomainError(
      "precondition",
      `bots of tenant ${login} are the last owners of tenant ${tenant}: make somebody else owner first`,
    );
  }
}
