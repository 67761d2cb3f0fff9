import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { isPersonal } from "../tenant/rules.js";
import { tenantStore } from "../tenant/store.js";
import { found } from "./rules.js";
import { type ProjectRow, projectStore } from "./store.js";

const mostNamed = 5;

/**
 * Deletes a project with its members, invitations and role bindings; throws "precondition" while something lies in it,
 * and for a default project, unless that is the last project of a tenant which is nobody's own.
 */
export async function deleteProject({ db }: Platform, project: string): Promise<ProjectRow> {
  return await db.transaction(async (tx) => {
    const known = found(await projectStore.get(tx, project), project);
    // Tenants are locked before their projects; nobody adds a project while it is decided which one is the last.
    const tenant = known.isDefault ? await tenantStore.lock(tx, known.tenant) : undefined;
    const row = found(await projectStore.lock(tx, project), project);
    await refuseWithContents(tx, row);
    if (row.isDefault) {
      const projects = await projectStore.ofTenant(tx, row.tenant);
      if (tenant === undefined || isPersonal(tenant) || projects.length > 1) throw defaultStays(row);
    }
    await projectStore.remove(tx, row.id);
    return row;
  });
}

/** Throws "precondition" while something lies in a project that the caller has locked, and names it. */
export async function refuseWithContents(tx: Database, { id, name }: ProjectRow): Promise<void> {
  const { named, count } = await projectStore.contents(tx, id, mostNamed);
  if (count === 0) return;
  const names = count > named.length ? [...named, `${count - named.length} more`] : named;
  throw new DomainError("precondition", `project ${name} is not empty: delete ${names.join(", ")} first`);
}

const defaultStays = ({ name, tenant }: ProjectRow): DomainError =>
  new DomainError(
    "precondition",
    `${name} is the default project of tenant ${tenant}: it goes last, and that of a personal tenant stays`,
  );
