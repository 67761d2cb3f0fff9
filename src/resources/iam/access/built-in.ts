import { AdminRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { inheritedRole } from "../../../auth/rights.js";
import type { Caller, Rights } from "../../../caller.js";
import type { Methods, PermissionScope } from "../../../platform.js";
import { adminRoles, projectRoles, type TenantRoleName, tenantRoles } from "../../api/roles.js";

/** A role that the server defines. */
export interface BuiltInRole {
  readonly id: TenantRoleName;
  readonly scope: PermissionScope;
  readonly description: string;
  /** Dotted names of the methods that its options allow. */
  readonly permissions: readonly string[];
}

const inProject = {
  owner: "All that can be done in it, and who else may do what",
  editor: "Makes, changes and deletes what is in it",
  viewer: "Looks at what is in it",
} as const;
const descriptions: Readonly<Record<PermissionScope, Partial<Readonly<Record<TenantRoleName, string>>>>> = {
  platform: { editor: "An operator who may do everything", viewer: "An operator who may look at everything" },
  tenant: { ...inProject, guest: "Belongs to the tenant, and has a role in some of its projects" },
  project: inProject,
  environment: inProject,
  deployment: inProject,
};

/** All built-in roles, from the widest scope to the narrowest, the strongest role first. */
export function builtInRoles(methods: Methods): readonly BuiltInRole[] {
  return (Object.keys(descriptions) as PermissionScope[]).flatMap((scope) =>
    (Object.keys(tenantRoles) as TenantRoleName[]).flatMap((id) => {
      const description = descriptions[scope][id];
      return description === undefined
        ? []
        : { id, scope, description, permissions: permissionsOf(methods, scope, id) };
    }),
  );
}

/** Whether a role's id is that of a built-in role. */
export function isBuiltIn(id: string): id is TenantRoleName {
  return Object.hasOwn(tenantRoles, id);
}

/** The built-in role of that id which can be bound in that kind of scope; undefined when there is none. */
export function builtInRole(scope: PermissionScope, id: string): TenantRoleName | undefined {
  return isBuiltIn(id) && descriptions[scope][id] !== undefined ? id : undefined;
}

function permissionsOf(methods: Methods, scope: PermissionScope, id: TenantRoleName): string[] {
  const allows = scope === "platform" ? adminAllows(methods, id) : memberAllows(methods, scope, id);
  return [...methods.permissions]
    .flatMap(([name, facts]) =>
      isMethod(name, facts.methods) ? [...facts.methods].map((path) => ({ name, path })) : [],
    )
    .filter(({ path }) => allows(path))
    .map(({ name }) => name);
}

/** The dotted name of a method's path. */
export const dottedName = (path: string): string => path.slice(1).replace("/", ".");

/** Whether a permission's name is that of a method, not of all in a service or package. */
export const isMethod = (name: string, methods: ReadonlySet<string>): boolean =>
  methods.size === 1 && [...methods].every((path) => dottedName(path) === name);

function adminAllows(methods: Methods, id: TenantRoleName): (path: string) => boolean {
  const adminRole = id === "editor" ? adminRoles.editor : AdminRole.VIEWER;
  const admin = callerWith({ ...noRights, adminRole });
  return (path) => methods.decide(admin, path, {})?.allowed === true;
}

function memberAllows(methods: Methods, scope: PermissionScope, id: TenantRoleName): (path: string) => boolean {
  const tenant = scope === "tenant" ? tenantRoles[id] : undefined;
  const project = scope === "tenant" ? inheritedRole(tenantRoles[id]) : id === "guest" ? undefined : projectRoles[id];
  return (path) =>
    methods.permissions.get(dottedName(path))?.scopes.has(scope) === true && methods.admits(path, { tenant, project });
}

/** The rights of whoever holds nothing. */
export const noRights: Rights = {
  adminRole: undefined,
  projectRoles: new Map(),
  tenantRoles: new Map(),
  partRoles: new Map(),
  projectMethods: new Map(),
  tenantMethods: new Map(),
};

/** A caller who carries these rights, without any token. */
export function callerWith(rights: Rights, user = "", teams: readonly string[] = []): Caller {
  const token = { tokenId: "", tokenType: "api", expiresAt: undefined, grants: undefined } as const;
  return { user, teams, ...token, granted: rights, owner: rights, permissions: new Map() };
}
