import { and, eq, getTableColumns, inArray, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { tenantMembers } from "../../api/member/table.js";
import type { Page } from "../../api/paging.js";
import { projects } from "../../api/project/table.js";
import type { TenantRoleName } from "../../api/roles.js";
import type { PrincipalRow } from "./store.js";
import { passwordResets, principals, teamMembers } from "./table.js";

export type NewPrincipal = typeof principals.$inferInsert;

/** What of a principal can be changed. */
export type PrincipalChange = Partial<
  Pick<NewPrincipal, "name" | "description" | "enabled" | "adminRole" | "tags" | "updatedAt">
>;

/** Which principals to list, as a tenant sees them, or all. */
export interface PrincipalFilter {
  readonly login?: string | undefined;
  readonly kind?: PrincipalRow["kind"] | undefined;
  /** The role in the tenant `login`. */
  readonly role?: TenantRoleName | undefined;
  readonly tag?: string | undefined;
}

/** Users before bots, teams and groups, as the API counts the kinds. */
const kindOrder = sql`array_position(array['user', 'bot', 'team', 'group'], ${principals.kind})`;

/** The bots and teams of a tenant, and whoever is a member of it; without a tenant, everybody. */
function visible(login: string | undefined, role?: TenantRoleName): SQL | undefined {
  if (login === undefined) return undefined;
  const isMember = sql`exists (select from ${tenantMembers}
    where ${tenantMembers.tenant} = ${login} and ${tenantMembers.member} = ${principals.id}
    ${role === undefined ? sql`` : sql`and ${tenantMembers.role} = ${role}`})`;
  return role === undefined ? or(eq(principals.tenant, login), isMember) : isMember;
}

/** What operators and tenants do with principals; signing in and authorization use `principalStore`. */
export const directoryStore = {
  /** A principal that the tenant sees, or (without a tenant) any. */
  async find(db: Database, login: string | undefined, id: string): Promise<PrincipalRow | undefined> {
    const [row] = await db
      .select()
      .from(principals)
      .where(and(eq(principals.id, id), visible(login)));
    return row;
  },

  /** The same, locked until the transaction ends: it gets no new roles meanwhile. */
  async lock(tx: Database, login: string | undefined, id: string): Promise<PrincipalRow | undefined> {
    const [row] = await tx
      .select()
      .from(principals)
      .where(and(eq(principals.id, id), visible(login)))
      .for("update");
    return row;
  },

  /** By kind and id, one row more than the page holds. */
  list(db: Database, filter: PrincipalFilter, { limit, offset }: Page): Promise<PrincipalRow[]> {
    const { login, role, kind, tag } = filter;
    return db
      .select(getTableColumns(principals))
      .from(principals)
      .where(
        and(
          visible(login, role),
          kind === undefined ? undefined : eq(principals.kind, kind),
          tag === undefined ? undefined : sql`${tag} = any(${principals.tags})`,
        ),
      )
      .orderBy(kindOrder, principals.id)
      .limit(limit + 1)
      .offset(offset);
  },

  async insert(db: Database, row: NewPrincipal): Promise<PrincipalRow> {
    const [inserted] = await db.insert(principals).values(row).returning();
    if (inserted === undefined) throw new Error("the insert answered no row");
    return inserted;
  },

  async change(db: Database, id: string, set: PrincipalChange): Promise<PrincipalRow | undefined> {
    const [row] = await db.update(principals).set(set).where(eq(principals.id, id)).returning();
    return row;
  },

  /** With what belongs to it: credentials, tokens, memberships, bindings. */
  async remove(db: Database, id: string): Promise<void> {
    await db.delete(principals).where(eq(principals.id, id));
  },

  /** The members of teams and groups, by id. */
  async membersOf(db: Database, teams: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
    const members = new Map<string, string[]>();
    if (teams.length === 0) return members;
    const rows = await db
      .select({ team: teamMembers.team, member: teamMembers.member })
      .from(teamMembers)
      .where(inArray(teamMembers.team, [...teams]))
      .orderBy(teamMembers.member);
    for (const { team, member } of rows) members.set(team, [...(members.get(team) ?? []), member]);
    return members;
  },

  /** Of these ids, those that may belong to a team of the tenant: its bots, and users and bots who are members of it. */
  async eligible(db: Database, tenant: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const rows = await db
      .select({ id: principals.id })
      .from(principals)
      .where(and(inArray(principals.id, [...ids]), inArray(principals.kind, ["user", "bot"]), visible(tenant)));
    return new Set(rows.map(({ id }) => id));
  },

  async addMembers(db: Database, team: string, members: readonly string[], now: Date): Promise<void> {
    if (members.length === 0) return;
    await db
      .insert(teamMembers)
      .values(members.toSorted().map((member) => ({ team, member, createdAt: now })))
      .onConflictDoNothing();
  },

  async removeMembers(db: Database, team: string, members: readonly string[]): Promise<void> {
    if (members.length === 0) return;
    await db.delete(teamMembers).where(and(eq(teamMembers.team, team), inArray(teamMembers.member, [...members])));
  },

  /** The tenants that a principal is a member of. */
  async tenantsOf(db: Database, id: string): Promise<string[]> {
    const rows = await db
      .select({ tenant: tenantMembers.tenant })
      .from(tenantMembers)
      .where(eq(tenantMembers.member, id));
    return rows.map(({ tenant }) => tenant);
  },

  /** How many bots, or teams, a tenant has. */
  count: (db: Database, tenant: string, kind: "bot" | "team"): Promise<number> =>
    db.$count(principals, and(eq(principals.tenant, tenant), eq(principals.kind, kind))),

  /** How much a tenant has that does not simply go with it: projects but the default one, bots and teams. */
  async countOwned(db: Database, tenant: string): Promise<number> {
    const others = await db.$count(projects, and(eq(projects.tenant, tenant), eq(projects.isDefault, false)));
    return others + (await db.$count(principals, eq(principals.tenant, tenant)));
  },

  /** Stores the code by which a user may set a password, in place of an earlier one. */
  async putPasswordReset(db: Database, row: typeof passwordResets.$inferInsert): Promise<void> {
    const { digest, createdBy, expiresAt } = row;
    await db
      .insert(passwordResets)
      .values(row)
      .onConflictDoUpdate({ target: passwordResets.principal, set: { digest, createdBy, expiresAt } });
  },
};
