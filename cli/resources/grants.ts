import type { Command } from "commander";
import { Option } from "commander";
import { Failure } from "../failure.js";
import { isUuid } from "../find.js";
import { pairs, several } from "../flags.js";
import { resolveProject } from "../project.js";
import type { Session } from "../session.js";
import { roleOf } from "./roles.js";

/** The flags that say what a token gives. */
export interface GrantFlags {
  readonly role?: Readonly<Record<string, string>>;
  readonly projectRole?: Readonly<Record<string, string>>;
  readonly tenantRole?: Readonly<Record<string, string>>;
  readonly adminRole?: string;
  readonly permission?: readonly string[];
}

/** The flags of the fields of a token's grants, for violations. */
export const grantFields = {
  roles: "--role",
  "roles.subject": "--role",
  "roles.role": "--role",
  permissions: "--permission",
  "permissions.subject": "--permission",
  "permissions.methods": "--permission",
  project_roles: "--project-role",
  tenant_roles: "--tenant-role",
  admin_role: "--admin-role",
} as const;

/** Declares them. */
export function addGrants(command: Command): Command {
  return command
    .option(
      "--project-role <project=role>",
      "a role in a project: its name, TENANT/NAME or uuid; may come several times",
      pairs,
    )
    .option("--tenant-role <tenant=role>", "a role in a tenant; may come several times", pairs)
    .addOption(new Option("--admin-role <role>", "a role of operators").choices(["editor", "viewer"]))
    .option(
      "--permission <subject=methods>",
      "single methods of a project, a tenant or * (all), as in SHOP=api.v1.ClusterService/Get,api.v1.ClusterService/List",
      several,
    );
}

/** What the flags grant, as requests have it. */
export async function grantsOf(session: Session, flags: GrantFlags) {
  const { AdminRole, ProjectRole, TenantRole } = await import("../../gen/ts/api/v1/common_pb.js");
  const projectRoles: Record<string, number> = {};
  for (const [project, role] of Object.entries(flags.projectRole ?? {})) {
    projectRoles[await projectOf(session, project)] = roleOf(ProjectRole, role);
  }
  const tenantRoles = Object.entries(flags.tenantRole ?? {}).map(([tenant, role]) => [
    tenant,
    roleOf(TenantRole, role),
  ]);
  const permissions = [];
  for (const text of flags.permission ?? []) permissions.push(await permissionOf(session, text));
  return {
    permissions,
    projectRoles,
    tenantRoles: Object.fromEntries(tenantRoles) as Record<string, number>,
    adminRole: flags.adminRole === undefined ? undefined : roleOf(AdminRole, flags.adminRole),
  };
}

/** The list form of roles, in which alone a role on * can be given. */
export async function roleListOf(session: Session, { role = {} }: GrantFlags) {
  const roles = [];
  for (const [subject, given] of Object.entries(role)) {
    roles.push({ subject: await subjectOf(session, subject), role: given });
  }
  return roles;
}

const projectOf = async (session: Session, given: string): Promise<string> =>
  given === "*" ? given : await resolveProject(given, session.client);

/** TENANT/NAME is a project; what else is no uuid is a tenant. */
const subjectOf = async (session: Session, given: string): Promise<string> =>
  given.includes("/") && !isUuid(given) ? await resolveProject(given, session.client) : given;

async function permissionOf(session: Session, text: string) {
  const at = text.indexOf("=");
  const methods = text
    .slice(at + 1)
    .split(",")
    .filter((method) => method !== "");
  if (at < 1 || methods.length === 0) {
    throw new Failure("usage", `--permission ${text} is not SUBJECT=METHOD[,METHOD]`, [
      "As in --permission '*=api.v1.ClusterService/Get'; slipway token methods lists all methods.",
    ]);
  }
  return {
    subject: await subjectOf(session, text.slice(0, at)),
    methods: methods.map((method) => `/${method.replace(/^\//, "")}`),
  };
}
