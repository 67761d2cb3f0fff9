import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { principalStore } from "../../iam/principal/store.js";
import { projectStore } from "../project/store.js";
import { isPersonal } from "./rules.js";
import { type TenantRow, tenantStore } from "./store.js";

/** When a personal tenant is made, and whether it may consume chargeable resources at once; so it may unless told. */
export interface PersonalTenantOptions {
  readonly now: Date;
  readonly newId: () => string;
  readonly admitted?: boolean;
  /** What is known of the user; of a new tenant nothing but the login unless told. */
  readonly profile?: Pick<TenantRow, "name" | "email" | "avatarUrl" | "oauthProvider">;
}

/**
 * Makes the user exist, with the personal tenant that bears the same login, of
 * which the user is owner, and with its default project; answers the project's
 * uuid. What is there already stays as it is. Throws "exists" when the login is
 * that of a tenant which somebody else has made.
 */
export async function ensurePersonalTenant(
  db: Database,
  login: string,
  { now, newId, admitted = true, profile }: PersonalTenantOptions,
): Promise<string> {
  const stamps = { createdAt: now, updatedAt: now };
  return await db.transaction(async (tx) => {
    await principalStore.ensureUser(tx, login, now);
    const row = { login, name: login, ...profile, createdBy: login, admitted, ...stamps };
    const isNew = await tenantStore.ensure(tx, row);
    if (isNew && (await tenantStore.hasBooks(tx, login))) {
      throw new DomainError("exists", `the login ${login} was that of an organization: the user needs another`);
    }
    const tenant = await tenantStore.get(tx, login);
    if (tenant === undefined || !isPersonal(tenant)) {
      throw new DomainError("exists", `the login ${login} is that of an organization: the user needs another`);
    }
    await tenantStore.setMember(tx, login, login, "owner", now);
    const existing = await projectStore.defaultOf(tx, login);
    if (existing !== undefined) return existing.id;
    const id = newId();
    await projectStore.insertDefault(tx, { id, tenant: login, now });
    return id;
  });
}
