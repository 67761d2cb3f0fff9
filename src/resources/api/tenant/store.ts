import { and, eq, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import { usageFacts } from "../../billing/usage/table.js";
import { principals } from "../../iam/principal/table.js";
import { tenantMembers } from "../member/table.js";
import type { Page } from "../paging.js";
import { customers } from "../payment/table.js";
import type { TenantRoleName } from "../roles.js";
import { tenants } from "./table.js";

export type TenantRow = typeof tenants.$inferSelect;

/** What a caller may say of a tenant. */
export type TenantFields = Pick<
  TenantRow,
  "name" | "email" | "description" | "avatarUrl" | "phoneNumber" | "emailConsent" | "onboarded"
>;

/** What changes in a tenant; what is left out stays. */
export type TenantChanges = Partial<TenantFields & Pick<TenantRow, "vat">> & {
  /** Accepts the terms now, unless they were accepted before. */
  readonly acceptsTerms?: boolean;
};

/** Which tenants an operator asks for; what is left out matches all. */
export interface TenantFilter {
  readonly login?: string | undefined;
  readonly tenant?: string | undefined;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  readonly oauthProvider?: number | undefined;
  readonly admitted?: boolean | undefined;
}

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

  /** The same, locked until the transaction ends: nobody can add a project to it, either. */
  async lock(tx: Database, login: string): Promise<TenantRow | undefined> {
    const [row] = await tx.select().from(tenants).where(eq(tenants.login, login)).for("update");
    return row;
  },

  /** The tenants of that set which match, by login. */
  list(
    db: Database,
    logins: readonly string[],
    filter: { readonly id?: string | undefined; readonly name?: string | undefined },
  ): Promise<TenantRow[]> {
    return db
      .select()
      .from(tenants)
      .where(
        and(
          // One parameter however many there are: a query has no more than 65,535.
          sql`${tenants.login} = any(${sql.param(logins)}::text[])`,
          is(tenants.login, filter.id),
          is(tenants.name, filter.name),
        ),
      )
      .orderBy(tenants.login);
  },

  /** A page of the tenants that an operator asks for, by login, and one more when there are more. */
  find(db: Database, filter: TenantFilter, { limit, offset }: Page): Promise<TenantRow[]> {
    return db
      .select()
      .from(tenants)
      .where(
        and(
          is(tenants.login, filter.login),
          is(tenants.login, filter.tenant),
          is(tenants.name, filter.name),
          is(tenants.email, filter.email),
          is(tenants.oauthProvider, filter.oauthProvider),
          is(tenants.admitted, filter.admitted),
        ),
      )
      .orderBy(tenants.login)
      .limit(limit + 1)
      .offset(offset);
  },

  /** Changes what is given; answers undefined for an unknown tenant. Terms that were accepted stay so. */
  async update(db: Database, login: string, changes: TenantChanges, now: Date): Promise<TenantRow | undefined> {
    const { acceptsTerms, ...set } = changes;
    const [row] = await db
      .update(tenants)
      .set({ ...set, ...(acceptsTerms ? { termsAcceptedAt: acceptedAt(now) } : {}), updatedAt: now })
      .where(eq(tenants.login, login))
      .returning();
    return row;
  },

  /** Admits a tenant, or takes its admission back; undefined for an unknown one. */
  async setAdmitted(db: Database, login: string, admitted: boolean, now: Date): Promise<TenantRow | undefined> {
    const set = { admitted, updatedAt: now };
    const [row] = await db.update(tenants).set(set).where(eq(tenants.login, login)).returning();
    return row;
  },

  /** Records that a tenant asks to be admitted; false when it is already, or does not exist. */
  async requestAdmission(
    db: Database,
    login: string,
    { note, emailConsent, now }: { readonly note: string; readonly emailConsent: boolean; readonly now: Date },
  ): Promise<boolean> {
    const rows = await db
      .update(tenants)
      .set({
        admissionRequestedAt: now,
        admissionNote: note,
        emailConsent,
        termsAcceptedAt: acceptedAt(now),
        updatedAt: now,
      })
      .where(and(eq(tenants.login, login), eq(tenants.admitted, false)))
      .returning({ login: tenants.login });
    return rows.length > 0;
  },

  async remove(tx: Database, login: string): Promise<void> {
    await tx.delete(tenants).where(eq(tenants.login, login));
  },

  /** Whether a principal bears that name, in whatever case: its personal tenant would, too. */
  async isPrincipal(db: Database, login: string): Promise<boolean> {
    const rows = await db
      .select({ id: principals.id })
      .from(principals)
      .where(eq(sql`lower(${principals.id})`, login.toLowerCase()))
      .limit(1);
    return rows.length > 0;
  },

  /** Whether a deleted tenant of that login left books behind, which a new one must not inherit. */
  async hasBooks(db: Database, login: string): Promise<boolean> {
    const { rows } = await db.execute(sql`
      select from ${customers} where ${customers.tenant} = ${login}
      union all select from ${usageFacts} where ${usageFacts.tenant} = ${login} limit 1`);
    return rows.length > 0;
  },

  /** Gives a user a role in a tenant, in place of the one they had, whatever it was: for those who are made with it. */
  async setMember(db: Database, tenant: string, member: string, role: TenantRoleName, now: Date): Promise<void> {
    await db
      .insert(tenantMembers)
      .values({ tenant, member, role, createdAt: now })
      .onConflictDoUpdate({ target: [tenantMembers.tenant, tenantMembers.member], set: { role } });
  },
};

const acceptedAt = (now: Date): SQL => sql`coalesce(${tenants.termsAcceptedAt}, ${now.toISOString()}::timestamptz)`;

const is = (column: AnyPgColumn, value: string | number | boolean | undefined): SQL | undefined =>
  value === undefined ? undefined : eq(column, value);
