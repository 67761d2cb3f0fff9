import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import { projectMembers, tenantMembers } from "../../api/member/table.js";
import { deploymentStore } from "../../deploy/deployment/store.js";
import { environmentStore } from "../../deploy/environment/store.js";
import { giveDefaultRoles } from "../../deploy/settings/default-roles.js";
import { roleBindings } from "./table.js";

/** Whose invitations are accepted: a user's, by an e-mail address that is verified. */
export interface Acceptance {
  readonly principal: string;
  readonly email: string;
  /** The invitations that are good, as `goodInvitations` finds them. */
  readonly good: readonly string[];
  readonly now: Date;
  readonly newId: () => string;
}

type Invitation = typeof roleBindings.$inferSelect;

/**
 * Turns the invitations of an e-mail address into what they promised: memberships and bindings of the
 * principal. Whoever holds a stronger role already keeps it. To be called in the transaction of a sign-in;
 * the address must be verified.
 */
export async function acceptPendingBindings(tx: Database, acceptance: Acceptance): Promise<void> {
  const { principal, email, good, now, newId } = acceptance;
  if (email === "" || good.length === 0) return;
  await holdParts(tx, good);
  // Whoever deletes an invitation accepts it: of two sign-ins at once only one finds it.
  const accepted = await tx
    .delete(roleBindings)
    .where(and(eq(roleBindings.email, email.toLowerCase()), inArray(roleBindings.id, [...good])))
    .returning();
  const tenants = accepted.flatMap(({ tenant, builtInRole }) =>
    tenant === null || builtInRole === null ? [] : { tenant, member: principal, role: builtInRole, createdAt: now },
  );
  for (const tenant of await joinTenants(tx, tenants)) {
    await giveDefaultRoles(tx, { tenant, principal, event: "member_added", now });
  }
  const projects = accepted.flatMap(({ scope, project, builtInRole }) =>
    scope !== "project" || project === null || builtInRole === null || builtInRole === "guest"
      ? []
      : { project, member: principal, role: builtInRole, createdAt: now },
  );
  await joinProjects(tx, projects);
  const others = accepted.filter(({ scope, customRole }) => customRole !== null || isInProject(scope));
  await bind(
    tx,
    others.map((row) => ({ ...row, id: newId(), principal, email: null, createdAt: now })),
  );
}

/** Environments and deployments to which somebody is invited go before the invitations are accepted, or with what came of them. */
async function holdParts(tx: Database, good: readonly string[]): Promise<void> {
  const rows = await tx
    .select({ scope: roleBindings.scope, subject: roleBindings.subject })
    .from(roleBindings)
    .where(and(inArray(roleBindings.scope, ["environment", "deployment"]), inArray(roleBindings.id, [...good])));
  const of = (kind: Invitation["scope"]) =>
    rows.flatMap(({ scope, subject }) => (scope === kind && subject !== null ? [subject] : []));
  await environmentStore.hold(tx, of("environment"));
  await deploymentStore.holdAll(tx, of("deployment"));
}

/** Whether a scope is narrower than a project, so that no membership can hold a role in it. */
function isInProject(scope: Invitation["scope"]): boolean {
  return scope === "environment" || scope === "deployment";
}

const rank = (role: AnyPgColumn | SQL): SQL => sql`array_position(array['owner','editor','viewer','guest'], ${role})`;
const given = sql.raw("excluded.role");

/**
 * Answers the tenants to which the principal is new. In the order of the keys, so that two sign-ins at once do not wait
 * for each other in a circle.
 */
async function joinTenants(tx: Database, rows: (typeof tenantMembers.$inferInsert)[]): Promise<string[]> {
  if (rows.length === 0) return [];
  const joined = await tx
    .insert(tenantMembers)
    .values(rows.toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1)))
    .onConflictDoUpdate({
      target: [tenantMembers.tenant, tenantMembers.member],
      set: { role: given },
      setWhere: sql`${rank(given)} < ${rank(tenantMembers.role)}`,
    })
    .returning({ tenant: tenantMembers.tenant, isNew: sql<boolean>`xmax = 0` });
  return joined.flatMap(({ tenant, isNew }) => (isNew ? tenant : [])).toSorted();
}

/** In the order of the keys likewise. */
async function joinProjects(tx: Database, rows: (typeof projectMembers.$inferInsert)[]): Promise<void> {
  if (rows.length === 0) return;
  await tx
    .insert(projectMembers)
    .values(rows.toSorted((a, b) => (a.project < b.project ? -1 : 1)))
    .onConflictDoUpdate({
      target: [projectMembers.project, projectMembers.member],
      set: { role: given },
      setWhere: sql`${rank(given)} < ${rank(projectMembers.role)}`,
    });
}

async function bind(tx: Database, rows: Invitation[]): Promise<void> {
  if (rows.length === 0) return;
  const builtIn = rows.filter(({ builtInRole }) => builtInRole !== null);
  for (const { scope, project, subject, principal, builtInRole } of builtIn) {
    // A weaker role gives way; a stronger one stays, and the insert passes over it.
    await tx
      .delete(roleBindings)
      .where(
        and(
          eq(roleBindings.scope, scope),
          sql`${roleBindings.project} = ${project} and ${roleBindings.subject} = ${subject}`,
          sql`${roleBindings.principal} = ${principal}`,
          inArray(roleBindings.builtInRole, weakerThan(builtInRole)),
        ),
      );
  }
  await tx.insert(roleBindings).values(rows).onConflictDoNothing();
}

function weakerThan(role: Invitation["builtInRole"]): ("editor" | "viewer")[] {
  return role === "owner" ? ["editor", "viewer"] : role === "editor" ? ["viewer"] : [];
}
