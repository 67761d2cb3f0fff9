import type { Tenant, TenantServiceCreateRequest } from "../../../../gen/ts/api/v1/tenant_pb.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../member/store.js";
import { projectStore } from "../project/store.js";
import { ensurePersonalTenant } from "./personal.js";
import { askedTenant, describedTenant, isPersonal } from "./rules.js";
import { type TenantRow, tenantStore } from "./store.js";
import type { tenants } from "./table.js";

/**
 * Makes a tenant with its default project, owned by the caller; without a login it is given one. Throws "exists"
 * for a login that a tenant or a principal bears already.
 */
export async function createTenant(
  platform: Platform,
  caller: Caller,
  request: TenantServiceCreateRequest,
): Promise<TenantRow> {
  const { db, clock, newId, settings } = platform;
  const { login, ...fields } = askedTenant(request);
  const now = clock();
  const row = {
    ...fields,
    login: login === "" ? `tenant-${newId()}` : login,
    createdBy: caller.user,
    admitted: settings.admitTenants === "automatic",
    createdAt: now,
    updatedAt: now,
  };
  return await db.transaction((tx) => insertTenant(tx, platform, row));
}

/** Makes a tenant be what the message says, admission included; terms that were accepted stay so. */
export async function createOrUpdateTenant(platform: Platform, tenant: Tenant | undefined): Promise<TenantRow> {
  const { db, clock, newId } = platform;
  if (tenant === undefined || tenant.login === "") throw invalidField("tenant.login", "must be set");
  const { login, admitted, oauthProvider } = tenant;
  const now = clock();
  const fields = { ...describedTenant(tenant), oauthProvider, admitted };
  const createdBy = tenant.createdBy === "" ? login : tenant.createdBy;
  return await db.transaction(async (tx) => {
    const present = await tenantStore.lock(tx, login);
    if (present === undefined && isPersonal({ login, createdBy })) {
      await ensurePersonalTenant(tx, login, { now, newId, admitted });
    } else if (present === undefined) {
      await insertTenant(tx, platform, { ...fields, login, createdBy, createdAt: now, updatedAt: now });
    }
    const vat = tenant.paymentDetails?.vat;
    const acceptsTerms = tenant.termsAndConditions?.accepted === true;
    const changes = { ...fields, ...(vat === undefined ? {} : { vat }), acceptsTerms };
    return found(await tenantStore.update(tx, login, changes, now), login);
  });
}

/** The row; or NOT_FOUND. */
export function found(row: TenantRow | undefined, login: string): TenantRow {
  if (row === undefined) throw new DomainError("missing", `tenant ${login} does not exist`);
  return row;
}

async function insertTenant(
  tx: Database,
  { newId }: Platform,
  row: typeof tenants.$inferInsert & { readonly createdAt: Date },
): Promise<TenantRow> {
  const { login, createdBy, createdAt: now } = row;
  // The key of the table decides between two who come at once, and between this and a first sign-in.
  const isTaken = (await tenantStore.isPrincipal(tx, login)) || (await tenantStore.hasBooks(tx, login));
  if (isTaken || !(await tenantStore.ensure(tx, row))) {
    throw new DomainError("exists", `the login ${login} is taken: choose another`);
  }
  await memberStore.setTenantRole(tx, { tenant: login, member: createdBy, role: "owner", now });
  await projectStore.insertDefault(tx, { id: newId(), tenant: login, now });
  return found(await tenantStore.get(tx, login), login);
}
