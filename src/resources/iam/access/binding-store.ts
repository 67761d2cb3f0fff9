import { and, eq, isNotNull, ne, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { projectMembers, tenantMembers } from "../../api/member/table.js";
import { projects } from "../../api/project/table.js";
import type { AdminRoleName, TenantRoleName } from "../../api/roles.js";
import { principals } from "../principal/table.js";
import { roleBindings } from "./table.js";

/** What one binding is about: where, whose, and which role. */
export type BindingKey = Pick<
  typeof roleBindings.$inferSelect,
  "scope" | "tenant" | "project" | "subject" | "principal" | "email" | "builtInRole" | "customRole"
>;

/** Most bindings and invitations that a tenant, or a project with what is in it, has beside its members. */
export const mostBindings = 1_000;

/** Roles where no membership can say them, and the admin role. */
export const bindingStore = {
  /**
   * Binds a role. A built-in one takes the place of the one that the holder had there; all else stays as it is, but
   * for an invitation stands who has made it last. Throws "exhausted" when the tenant or project has no room left.
   */
  async put(tx: Database, row: typeof roleBindings.$inferInsert & BindingKey): Promise<void> {
    if (row.builtInRole !== null && (await replaceBuiltIn(tx, row, row.builtInRole))) return;
    if (row.email !== null) {
      const { createdBy } = row;
      await tx
        .update(roleBindings)
        .set({ createdBy })
        .where(and(isHeldBy(row), isRole(row)));
    }
    const bound = await tx.insert(roleBindings).values(row).onConflictDoNothing().returning({ id: roleBindings.id });
    if (bound.length > 0) await demandRoom(tx, row);
  },

  /** Takes a role away; false when it was not bound. */
  async remove(tx: Database, key: BindingKey): Promise<boolean> {
    const rows = await tx
      .delete(roleBindings)
      .where(and(isHeldBy(key), isRole(key)))
      .returning({ id: roleBindings.id });
    return rows.length > 0;
  },

  /** Takes away all roles in an environment, and the invitations to it. Whoever calls it has locked the environment. */
  async removeFromEnvironment(tx: Database, project: string, environment: string): Promise<void> {
    await tx
      .delete(roleBindings)
      .where(
        and(
          eq(roleBindings.scope, "environment"),
          eq(roleBindings.project, project),
          eq(roleBindings.subject, environment),
        ),
      );
  },

  /** The same for a deployment, which is locked too. */
  async removeFromDeployment(tx: Database, project: string, deployment: string): Promise<void> {
    await tx
      .delete(roleBindings)
      .where(
        and(
          eq(roleBindings.scope, "deployment"),
          eq(roleBindings.project, project),
          eq(roleBindings.subject, deployment),
        ),
      );
  },

  /** Whether a principal holds any role in a tenant or in one of its projects. */
  async isIn(db: Database, tenant: string, principal: string): Promise<boolean> {
    const own = sql`(select ${projects.id} from ${projects} where ${projects.tenant} = ${tenant})`;
    const [row] = await db
      .select({ id: principals.id })
      .from(principals)
      .where(
        sql`${principals.id} = ${principal} and (
          exists (select from ${tenantMembers}
            where ${tenantMembers.tenant} = ${tenant} and ${tenantMembers.member} = ${principal})
          or exists (select from ${projectMembers}
            where ${projectMembers.project} in ${own} and ${projectMembers.member} = ${principal})
          or exists (select from ${roleBindings} where ${roleBindings.principal} = ${principal}
            and (${roleBindings.tenant} = ${tenant} or ${roleBindings.project} in ${own})))`,
      );
    return row !== undefined;
  },

  /** Ids of the enabled users with that verified e-mail address, in either case; two of them at most. */
  async usersOf(db: Database, email: string): Promise<string[]> {
    const rows = await db
      .select({ id: principals.id })
      .from(principals)
      .where(
        and(
          sql`lower(${principals.email}) = ${email.toLowerCase()} and ${principals.email} <> ''`,
          eq(principals.kind, "user"),
          eq(principals.enabled, true),
        ),
      )
      .limit(2);
    return rows.map(({ id }) => id);
  },

  /** Makes a group of an identity provider known, which nobody belongs to yet. */
  async ensureGroup(db: Database, id: string, now: Date): Promise<void> {
    const name = id.slice("group:".length, id.lastIndexOf("@"));
    const row = { id, kind: "group", name, createdAt: now, updatedAt: now } as const;
    await db.insert(principals).values(row).onConflictDoNothing();
  },

  /**
   * Gives a user the admin role, or none, in place of the present one. Throws "precondition" when no admin
   * editor would be left who can act.
   */
  async setAdminRole(tx: Database, user: string, adminRole: AdminRoleName | null, now: Date): Promise<void> {
    // Whoever holds the editors changes them alone: two who demote each other come one by one.
    const editors = await tx
      .select({ id: principals.id, enabled: principals.enabled })
      .from(principals)
      .where(eq(principals.adminRole, "editor"))
      .orderBy(principals.id)
      .for("update");
    const isEditor = editors.some(({ id }) => id === user);
    if (isEditor && adminRole !== "editor" && !editors.some(({ id, enabled }) => enabled && id !== user)) {
      throw new DomainError("precondition", `${user} is the last admin editor: make somebody else one first`);
    }
    await tx.update(principals).set({ adminRole, updatedAt: now }).where(eq(principals.id, user));
  },
};

async function replaceBuiltIn(
  tx: Database,
  key: BindingKey & Pick<typeof roleBindings.$inferInsert, "createdBy">,
  builtInRole: TenantRoleName,
): Promise<boolean> {
  const held = and(isHeldBy(key), isNotNull(roleBindings.builtInRole));
  const rows = await tx
    .update(roleBindings)
    .set({ builtInRole, ...(key.email === null ? {} : { createdBy: key.createdBy }) })
    .where(and(held, ne(roleBindings.builtInRole, builtInRole)))
    .returning({ id: roleBindings.id });
  return rows.length > 0;
}

/** Who binds holds the tenant or project: two who make the last binding come one by one. */
async function demandRoom(tx: Database, { tenant, project }: BindingKey): Promise<void> {
  const place = tenant === null ? sql`${roleBindings.project} = ${project}` : eq(roleBindings.tenant, tenant);
  if ((await tx.$count(roleBindings, place)) <= mostBindings) return;
  const name = tenant === null ? `project ${project}` : `tenant ${tenant}`;
  throw new DomainError("exhausted", `${name} has ${mostBindings} role bindings already: delete some, or use a team`);
}

const isRole = ({ customRole, builtInRole }: BindingKey): SQL =>
  customRole === null ? sql`${roleBindings.builtInRole} = ${builtInRole}` : eq(roleBindings.customRole, customRole);

function isHeldBy({ scope, tenant, project, subject, principal, email }: BindingKey): SQL | undefined {
  const same = (column: SQL | typeof roleBindings.tenant, value: string | null): SQL =>
    value === null ? sql`${column} is null` : sql`${column} = ${value}`;
  return and(
    eq(roleBindings.scope, scope),
    same(roleBindings.tenant, tenant),
    same(sql`${roleBindings.project}`, project),
    same(sql`${roleBindings.subject}`, subject),
    same(sql`${roleBindings.principal}`, principal),
    same(sql`${roleBindings.email}`, email),
  );
}
