import { sql } from "drizzle-orm";
import { check, index, pgTable, text, timestamp, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { projects } from "../../api/project/table.js";
import { tenants } from "../../api/tenant/table.js";
import { principals } from "../principal/table.js";

/** Roles made of permissions, of a tenant or (without one) of the platform. */
export const customRoles = pgTable(
  "custom_roles",
  {
    id: uuid().primaryKey(),
    tenant: text().references(() => tenants.login, { onDelete: "cascade" }),
    name: text().notNull(),
    description: text().notNull().default(""),
    /** Where it can be bound. */
    scope: text({ enum: ["tenant", "project", "environment", "deployment"] }).notNull(),
    /** Dotted names: methods, services, packages, "*". */
    permissions: text().array().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    uniqueIndex("custom_roles_name").on(sql`coalesce(${t.tenant}, '')`, t.name),
    check("custom_roles_scope", sql`${t.scope} in ('tenant', 'project', 'environment', 'deployment')`),
  ],
);

/**
 * Roles that principals hold where a membership cannot say it: custom roles, roles in environments and
 * deployments, and invitations of e-mail addresses. A known principal's built-in role in a tenant or project is a
 * membership (tenant_members, project_members); the admin role is a field of the principal.
 */
export const roleBindings = pgTable(
  "role_bindings",
  {
    id: uuid().primaryKey(),
    scope: text({ enum: ["tenant", "project", "environment", "deployment"] }).notNull(),
    tenant: text().references(() => tenants.login, { onDelete: "cascade" }),
    project: uuid().references(() => projects.id, { onDelete: "cascade" }),
    /** The environment or deployment of the project. */
    subject: uuid(),
    principal: text().references(() => principals.id, { onDelete: "cascade" }),
    /** The invited address, in lower case, while no user is known by it. */
    email: text(),
    builtInRole: text({ enum: ["owner", "editor", "viewer", "guest"] }),
    customRole: uuid().references(() => customRoles.id),
    createdBy: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    uniqueIndex("role_bindings_custom")
      .on(
        sql`coalesce(${t.tenant}, '')`,
        sql`coalesce(${t.project}::text, '')`,
        t.scope,
        sql`coalesce(${t.subject}::text, '')`,
        sql`coalesce(${t.principal}, '')`,
        sql`coalesce(${t.email}, '')`,
        t.customRole,
      )
      .where(sql`${t.customRole} is not null`),
    uniqueIndex("role_bindings_built_in")
      .on(
        sql`coalesce(${t.tenant}, '')`,
        sql`coalesce(${t.project}::text, '')`,
        t.scope,
        sql`coalesce(${t.subject}::text, '')`,
        sql`coalesce(${t.principal}, '')`,
        sql`coalesce(${t.email}, '')`,
      )
      .where(sql`${t.builtInRole} is not null`),
    index("role_bindings_principal").on(t.principal),
    index("role_bindings_email").on(t.email),
    index("role_bindings_tenant").on(t.tenant),
    index("role_bindings_project").on(t.project),
    index("role_bindings_role").on(t.customRole),
    check("role_bindings_scope", sql`${t.scope} in ('tenant', 'project', 'environment', 'deployment')`),
    check("role_bindings_tenant_scope", sql`(${t.tenant} is not null) = (${t.scope} = 'tenant')`),
    check("role_bindings_project_scope", sql`(${t.project} is not null) = (${t.scope} <> 'tenant')`),
    check("role_bindings_subject", sql`(${t.subject} is not null) = (${t.scope} in ('environment', 'deployment'))`),
    check("role_bindings_holder", sql`(${t.principal} is null) <> (${t.email} is null)`),
    check("role_bindings_role_kind", sql`(${t.builtInRole} is null) <> (${t.customRole} is null)`),
    check("role_bindings_built_in_role", sql`${t.builtInRole} in ('owner', 'editor', 'viewer', 'guest')`),
    check("role_bindings_guest", sql`${t.builtInRole} <> 'guest' or ${t.scope} = 'tenant'`),
    // What a membership can say is a membership.
    check(
      "role_bindings_no_membership",
      sql`${t.principal} is null or ${t.customRole} is not null or ${t.scope} in ('environment', 'deployment')`,
    ),
  ],
);
