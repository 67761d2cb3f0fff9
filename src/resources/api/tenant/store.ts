import { and, eq, inArray } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { TenantRoleName } from "../roles.js";
import { tenantMembers, tenants } from "./table.js";

export type TenantRow = typeof tenants.$inferSelect;
export type TenantMemberRow = typeof tenantMembers.$inferSelect;

export const tenantStore = {
  /** Makes the tenant exist; false when it did already. */
  async ensure(db: Database, row: typeof tenants.$inferInsert): Promise<boolean> {
    const rows = await db.insert(tenants).values(row).onConflictDoNothing().returning({ login: tenants.login });
    return rows.length > 0;
  },

  async get(db: Database, login: string): Promise<TenantRow | undefined> {
    const [row] = await db.select().from(tenants).where(eq(tenants.login, login));
    return row;
  },

  /** The tenants of that set which match, by login. */
  list(
    db: Database,
    logins: readonly string[],
    filter: { readonly id?: string | undefined; readonly name?: string | undefined },
  ): Promise<TenantRow[]> {
    if (logins.length === 0) return Promise.resolve([]);
    return db
      .select()
      .from(tenants)
      .where(
        and(
          inArray(tenants.login, [...logins]),
          filter.id === undefined ? undefined : eq(tenants.login, filter.id),
          filter.name === undefined ? undefined : eq(tenants.name, filter.name),
        ),
      )
      .orderBy(tenants.login);
  },

  members(db: Database, login: string): Promise<TenantMemberRow[]> {
    return db.select().from(tenantMembers).where(eq(tenantMembers.tenant, login)).orderBy(tenantMembers.member);
  },

  /** Gives a user a role in a tenant, in place of the one they had. */
  async setMember(db: Database, tenant: string, member: string, role: TenantRoleName, now: Date): Promise<void> {
    await db
      .insert(tenantMembers)
      .values({ tenant, member, role, createdAt: now })
      .onConflictDoUpdate({ target: [tenantMembers.tenant, tenantMembers.member], set: { role } });
  },
};
