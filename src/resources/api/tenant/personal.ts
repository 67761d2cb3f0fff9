import type { Database } from "../../../db/database.js";
import { projectStore } from "../project/store.js";
import { userStore } from "../user/store.js";
import { tenantStore } from "./store.js";

/**
 * Makes the user exist, with the personal tenant that bears the same login, of
 * which the user is owner, and with its default project; answers the project's
 * uuid. What is there already stays as it is.
 */
export async function ensurePersonalTenant(
  db: Database,
  login: string,
  { now, newId }: { readonly now: Date; readonly newId: () => string },
): Promise<string> {
  const stamps = { createdAt: now, updatedAt: now };
  return await db.transaction(async (tx) => {
    await userStore.ensure(tx, login, now);
    await tenantStore.ensure(tx, { login, name: login, createdBy: login, admitted: true, ...stamps });
    await tenantStore.setMember(tx, login, login, "owner", now);
    const existing = await projectStore.defaultOf(tx, login);
    if (existing !== undefined) return existing.id;
    const id = newId();
    const description = `The default project of ${login}`;
    await projectStore.insert(tx, { id, tenant: login, name: "default", description, isDefault: true, ...stamps });
    return id;
  });
}
