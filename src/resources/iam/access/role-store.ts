import { and, eq, inArray, isNull, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { isUuid } from "../../api/uuid.js";
import { deploySettings } from "../../deploy/settings/table.js";
import { customRoles, roleBindings } from "./table.js";

export type CustomRoleRow = typeof customRoles.$inferSelect;

/** Where a role is bound. */
export type BoundScope = Pick<typeof roleBindings.$inferSelect, "scope" | "tenant" | "project" | "subject">;

/** The custom roles of tenants, and those of the platform, whose tenant is null. */
export const customRoleStore = {
  /** Makes a role; throws "exists" when its name is taken, "missing" for an unknown tenant. */
  async insert(db: Database, row: CustomRoleRow): Promise<CustomRoleRow> {
    await db.insert(customRoles).values(row).catch(refuseName(row));
    return row;
  },

  /** The platform's roles and those of the tenant, by name. */
  list(db: Database, tenant: string | null, scope?: CustomRoleRow["scope"]): Promise<CustomRoleRow[]> {
    return db
      .select()
      .from(customRoles)
      .where(and(usableIn(tenant), scope === undefined ? undefined : eq(customRoles.scope, scope)))
      .orderBy(customRoles.name, customRoles.tenant, customRoles.id);
  },

  /** A role that the tenant may bind: its own, or the platform's. */
  async usable(db: Database, tenant: string | null, id: string): Promise<CustomRoleRow | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await db
      .select()
      .from(customRoles)
      .where(and(eq(customRoles.id, id), usableIn(tenant)));
    return row;
  },

  /** The roles of those ids, whoever may bind them. */
  async among(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, CustomRoleRow>> {
    if (ids.length === 0) return new Map();
    const rows = await db
      .select()
      .from(customRoles)
      .where(inArray(customRoles.id, [...ids]));
    return new Map(rows.map((row) => [row.id, row]));
  },

  /** A role that the tenant may bind, for who binds it: until the transaction ends, the role neither changes nor goes. */
  async hold(tx: Database, tenant: string | null, id: string): Promise<CustomRoleRow | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await tx
      .select()
      .from(customRoles)
      .where(and(eq(customRoles.id, id), usableIn(tenant)))
      .for("share");
    return row;
  },

  /** A role of exactly that tenant, or of the platform, locked until the transaction ends: nobody binds it meanwhile. */
  async lock(tx: Database, tenant: string | null, id: string): Promise<CustomRoleRow | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await tx
      .select()
      .from(customRoles)
      .where(and(eq(customRoles.id, id), ownedBy(tenant)))
      .for("update");
    return row;
  },

  /** Stores a role that is locked; throws "exists" when its name is taken. */
  async update(tx: Database, row: CustomRoleRow): Promise<CustomRoleRow> {
    await tx.update(customRoles).set(row).where(eq(customRoles.id, row.id)).catch(refuseName(row));
    return row;
  },

  async delete(tx: Database, id: string): Promise<void> {
    await tx.delete(customRoles).where(eq(customRoles.id, id));
  },

  /** How many roles a tenant has of its own. */
  count: (db: Database, tenant: string): Promise<number> => db.$count(customRoles, ownedBy(tenant)),

  /** Where a role is bound, promised to somebody invited, or given by itself. */
  async boundAt(db: Database, id: string): Promise<BoundScope[]> {
    const { scope, tenant, project, subject } = roleBindings;
    const bound = await db
      .selectDistinct({ scope, tenant, project, subject })
      .from(roleBindings)
      .where(eq(roleBindings.customRole, id));
    const givers = await givingByDefault(db, id);
    return [...bound, ...givers.map((tenant) => ({ scope: "tenant" as const, tenant, project: null, subject: null }))];
  },

  async isBound(db: Database, id: string): Promise<boolean> {
    const rows = await db
      .select({ id: roleBindings.id })
      .from(roleBindings)
      .where(eq(roleBindings.customRole, id))
      .limit(1);
    return rows.length > 0 || (await givingByDefault(db, id)).length > 0;
  },
};

/** The tenants that give a role by itself to who comes. */
async function givingByDefault(db: Database, id: string): Promise<string[]> {
  const rows = await db
    .select({ tenant: deploySettings.tenant })
    .from(deploySettings)
    .where(sql`${deploySettings.settings} -> 'defaultRoles' @> ${JSON.stringify([{ role: id }])}::jsonb`);
  return rows.map(({ tenant }) => tenant);
}

const ownedBy = (tenant: string | null): SQL =>
  tenant === null ? isNull(customRoles.tenant) : eq(customRoles.tenant, tenant);

const usableIn = (tenant: string | null): SQL | undefined => or(isNull(customRoles.tenant), ownedBy(tenant));

function refuseName({ name, tenant }: CustomRoleRow): (error: unknown) => never {
  return (error) => {
    const constraint = constraintOf(error);
    if (constraint === "custom_roles_name") throw new DomainError("exists", `there is a role ${name} already`);
    if (constraint === "custom_roles_tenant_tenants_login_fk") {
      throw new DomainError("missing", `tenant ${tenant} does not exist`);
    }
    throw error;
  };
}
