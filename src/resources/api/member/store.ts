import { and, eq, getTableColumns, inArray, isNull, ne, or, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { giveDefaultRoles } from "../../deploy/settings/default-roles.js";
import { principals } from "../../iam/principal/table.js";
import { projects } from "../project/table.js";
import type { ProjectRoleName, TenantRoleName } from "../roles.js";
import { tenants } from "../tenant/table.js";
import { projectMembers, tenantMembers } from "./table.js";

export type TenantMemberRow = typeof tenantMembers.$inferSelect;
export type ProjectMemberRow = typeof projectMembers.$inferSelect;

/** Who shall have which role in a tenant, and since when, if that is new. */
export interface TenantRoleOrder {
  readonly tenant: string;
  readonly member: string;
  readonly role: TenantRoleName;
  readonly now: Date;
}

/** The same in a project. */
export interface ProjectRoleOrder {
  readonly project: string;
  readonly member: string;
  readonly role: ProjectRoleName;
  readonly now: Date;
}

/** Who belongs to tenants and projects. Every change holds the tenant or project, so that they come one by one. */
export const memberStore = {
  tenantMembers(db: Database, tenant: string): Promise<TenantMemberRow[]> {
    return db.select().from(tenantMembers).where(eq(tenantMembers.tenant, tenant)).orderBy(tenantMembers.member);
  },

  async tenantMember(db: Database, key: { tenant: string; member: string }): Promise<TenantMemberRow | undefined> {
    const [row] = await db.select().from(tenantMembers).where(isTenantMember(key));
    return row;
  },

  projectMembers(db: Database, project: string): Promise<ProjectMemberRow[]> {
    return db.select().from(projectMembers).where(eq(projectMembers.project, project)).orderBy(projectMembers.member);
  },

  async projectMember(db: Database, key: { project: string; member: string }): Promise<ProjectMemberRow | undefined> {
    const [row] = await db.select().from(projectMembers).where(isProjectMember(key));
    return row;
  },

  /** The direct members of all projects of a tenant, or one of them. */
  async inProjectsOf(db: Database, tenant: string, member?: string): Promise<ProjectMemberRow[]> {
    return await db
      .select()
      .from(projectMembers)
      .where(
        and(
          inArray(projectMembers.project, projectIdsOf(db, tenant)),
          member === undefined ? undefined : eq(projectMembers.member, member),
        ),
      )
      .orderBy(projectMembers.member, projectMembers.project);
  },

  /** Locks the tenant until the transaction ends; throws "missing" when there is none. */
  async lockTenant(tx: Database, tenant: string): Promise<void> {
    const rows = await tx
      .select({ login: tenants.login })
      .from(tenants)
      .where(eq(tenants.login, tenant))
      // Rows that only refer to the tenant, such as new projects, need not wait.
      .for("no key update");
    if (rows.length === 0) throw new DomainError("missing", `tenant ${tenant} does not exist`);
  },

  /** Locks the project until the transaction ends, and answers its tenant; throws "missing" when there is none. */
  async lockProject(tx: Database, project: string): Promise<string> {
    const [row] = await tx
      .select({ tenant: projects.tenant })
      .from(projects)
      .where(eq(projects.id, project))
      .for("no key update");
    if (row === undefined) throw new DomainError("missing", `project ${project} does not exist`);
    return row.tenant;
  },

  /**
   * Gives a principal a role in a tenant, in place of the one it had; new users get the default roles, too. Throws "missing" for an unknown tenant or
   * principal, and "precondition" when the last owner, or the user of a personal tenant, would be demoted.
   */
  async setTenantRole(db: Database, { tenant, member, role, now }: TenantRoleOrder): Promise<TenantMemberRow> {
    return await db.transaction(async (tx) => {
      await memberStore.lockTenant(tx, tenant);
      if (role !== "owner") await refuseToLoseTenantOwner(tx, tenant, member);
      const [row] = await tx
        .insert(tenantMembers)
        .values({ tenant, member, role, createdAt: now })
        .onConflictDoUpdate({ target: [tenantMembers.tenant, tenantMembers.member], set: { role } })
        .returning({ ...getTableColumns(tenantMembers), isNew: sql<boolean>`xmax = 0` })
        .catch((error: unknown) => {
          throw asUnknownMember(error, member);
        });
      const { isNew, ...written } = demandRow(row);
      if (!isNew) return written;
      await giveDefaultRoles(tx, { tenant, principal: member, event: "member_added", now });
      return (await memberStore.tenantMember(tx, { tenant, member })) ?? written;
    });
  },

  /**
   * Takes a principal out of a tenant and out of all its projects; false when it was in none of them. Throws
   * "missing" for an unknown tenant, and "precondition" for the last owner and for the user of a personal tenant.
   */
  async removeTenantMember(db: Database, key: { readonly tenant: string; readonly member: string }): Promise<boolean> {
    const { tenant, member } = key;
    return await db.transaction(async (tx) => {
      await memberStore.lockTenant(tx, tenant);
      await refuseToLoseTenantOwner(tx, tenant, member);
      const direct = await tx
        .delete(projectMembers)
        .where(and(eq(projectMembers.member, member), inArray(projectMembers.project, projectIdsOf(tx, tenant))))
        .returning({ project: projectMembers.project });
      const rows = await tx.delete(tenantMembers).where(isTenantMember(key)).returning({ role: tenantMembers.role });
      return rows.length + direct.length > 0;
    });
  },

  /**
   * Gives a principal a direct role in a project, in place of the one it had. Throws "missing" for an unknown
   * project or principal, and "precondition" when nobody would own the project, by itself or by the tenant.
   */
  async setProjectRole(db: Database, { project, member, role, now }: ProjectRoleOrder): Promise<ProjectMemberRow> {
    return await db.transaction(async (tx) => {
      const tenant = await memberStore.lockProject(tx, project);
      if (role !== "owner") await refuseToLoseProjectOwner(tx, { project, tenant, member });
      const [row] = await tx
        .insert(projectMembers)
        .values({ project, member, role, createdAt: now })
        .onConflictDoUpdate({ target: [projectMembers.project, projectMembers.member], set: { role } })
        .returning()
        .catch((error: unknown) => {
          throw asUnknownMember(error, member);
        });
      return demandRow(row);
    });
  },

  /**
   * Takes a direct member out of a project; false when it was none. Throws "missing" for an unknown project, and
   * "precondition" when nobody would own it any more, by itself or by the tenant.
   */
  async removeProjectMember(
    db: Database,
    key: { readonly project: string; readonly member: string },
  ): Promise<boolean> {
    return await db.transaction(async (tx) => {
      const tenant = await memberStore.lockProject(tx, key.project);
      await refuseToLoseProjectOwner(tx, { ...key, tenant });
      const rows = await tx.delete(projectMembers).where(isProjectMember(key)).returning({ role: projectMembers.role });
      return rows.length > 0;
    });
  },

  /** The other tenants that bots of a tenant own. */
  async ownedByBotsOf(db: Database, home: string): Promise<string[]> {
    const rows = await db
      .selectDistinct({ tenant: tenantMembers.tenant })
      .from(tenantMembers)
      .innerJoin(principals, eq(principals.id, tenantMembers.member))
      .where(and(eq(principals.tenant, home), eq(tenantMembers.role, "owner"), ne(tenantMembers.tenant, home)));
    return rows.map(({ tenant }) => tenant);
  },

  /** Whether a tenant has an owner that is enabled and no bot of that other tenant. */
  async hasOwnerBesideBotsOf(db: Database, tenant: string, home: string): Promise<boolean> {
    const isElsewhere = or(isNull(principals.tenant), ne(principals.tenant, home));
    const rows = await tenantOwners(db, tenant, isElsewhere).limit(1);
    return rows.length > 0;
  },

  /** Whether a tenant has an owner beside that member: a user or bot that is enabled. */
  async hasOwnerBeside(db: Database, tenant: string, member: string): Promise<boolean> {
    const rows = await tenantOwners(db, tenant, ne(tenantMembers.member, member)).limit(1);
    return rows.length > 0;
  },
};

const isTenantMember = ({ tenant, member }: { tenant: string; member: string }): SQL | undefined =>
  and(eq(tenantMembers.tenant, tenant), eq(tenantMembers.member, member));

const isProjectMember = ({ project, member }: { project: string; member: string }): SQL | undefined =>
  and(eq(projectMembers.project, project), eq(projectMembers.member, member));

const projectIdsOf = (db: Database, tenant: string) =>
  db.select({ id: projects.id }).from(projects).where(eq(projects.tenant, tenant));

/** Whoever can act: not the disabled, and not teams, whose members may all be gone. */
const canAct = (member: AnyPgColumn): SQL | undefined =>
  and(eq(principals.id, member), eq(principals.enabled, true), inArray(principals.kind, ["user", "bot"]));

function tenantOwners(db: Database, tenant: string, where?: SQL) {
  return db
    .select({ member: tenantMembers.member })
    .from(tenantMembers)
    .innerJoin(principals, canAct(tenantMembers.member))
    .where(and(eq(tenantMembers.tenant, tenant), eq(tenantMembers.role, "owner"), where));
}

async function refuseToLoseTenantOwner(tx: Database, tenant: string, member: string): Promise<void> {
  const [row] = await tx
    .select({ role: tenantMembers.role, isPersonal: sql<boolean>`${tenants.createdBy} = ${tenants.login}` })
    .from(tenantMembers)
    .innerJoin(tenants, eq(tenants.login, tenantMembers.tenant))
    .where(isTenantMember({ tenant, member }));
  if (row?.role !== "owner") return;
  if (row.isPersonal && member === tenant) {
    throw new DomainError("precondition", `${tenant} is the personal tenant of ${member}, who always owns it`);
  }
  if (await memberStore.hasOwnerBeside(tx, tenant, member)) return;
  throw new DomainError(
    "precondition",
    `${member} is the last owner of tenant ${tenant}: make somebody else owner first`,
  );
}

async function refuseToLoseProjectOwner(
  tx: Database,
  { project, tenant, member }: { readonly project: string; readonly tenant: string; readonly member: string },
): Promise<void> {
  const row = await memberStore.projectMember(tx, { project, member });
  if (row?.role !== "owner") return;
  const others = await tx
    .select({ id: principals.id })
    .from(principals)
    .leftJoin(projectMembers, and(eq(projectMembers.member, principals.id), eq(projectMembers.project, project)))
    .leftJoin(tenantMembers, and(eq(tenantMembers.member, principals.id), eq(tenantMembers.tenant, tenant)))
    .where(
      and(
        canAct(principals.id),
        or(and(eq(projectMembers.role, "owner"), ne(principals.id, member)), eq(tenantMembers.role, "owner")),
      ),
    )
    .limit(1);
  if (others.length > 0) return;
  throw new DomainError(
    "precondition",
    `${member} is the last owner of project ${project}: make somebody else owner first`,
  );
}

/** An unknown principal is told as such; everything else stays what it is. */
function asUnknownMember(error: unknown, member: string): unknown {
  const isUnknown = constraintOf(error)?.endsWith("_members_member_principals_id_fk");
  return isUnknown ? new DomainError("missing", `principal ${member} does not exist`, { cause: error }) : error;
}

function demandRow<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error("the write answered no row");
  return row;
}
