import { type DescField, type DescMethod, getOption, ScalarType } from "@bufbuild/protobuf";
import {
  AdminRole,
  Auditing,
  admin_roles,
  auditing,
  Chargeable,
  chargeable,
  ProjectRole,
  project_roles,
  TenantRole,
  tenant_roles,
  Visibility,
  visibility,
} from "../../gen/ts/api/v1/common_pb.js";
import { TenantSchema } from "../../gen/ts/api/v1/tenant_pb.js";

/**
 * In what a role must be held: in the project or tenant that the request names,
 * in any tenant (the request brings its subject into being), or in nothing.
 */
export interface Scope {
  readonly kind: "none" | "project" | "tenant" | "anyTenant";
}

/** What a method's options say about its callers. */
export interface MethodPolicy {
  /** The method's path, as in permissions and logs: "/api.v1.ClusterService/Get". */
  readonly path: string;
  readonly visibility: Visibility;
  readonly projectRoles: readonly ProjectRole[];
  readonly tenantRoles: readonly TenantRole[];
  readonly adminRoles: readonly AdminRole[];
  readonly chargeable: boolean;
  readonly audited: boolean;
  /** Whether it only reads: viewers or anybody may call it, and its name begins with Get, List or Watch. */
  readonly reads: boolean;
  /** Whether the record of the request must be written before the handler runs: for every audited method but reads. */
  readonly auditedAhead: boolean;
  /** Where the project roles must be held; "none" when there are none. */
  readonly projectScope: Scope;
  /** Where the tenant roles must be held; "none" when there are none. */
  readonly tenantScope: Scope;
  /** The request field that names a project, whether or not roles depend on it. */
  readonly projectField: DescField | undefined;
  /** The request field that names a tenant by its login, likewise. */
  readonly tenantField: DescField | undefined;
  /** The request field that names an environment of the project. */
  readonly environmentField: DescField | undefined;
  /** The request field that names a deployment of the project. */
  readonly deploymentField: DescField | undefined;
}

const policies = new WeakMap<DescMethod, MethodPolicy>();

/** Reads the options of a method once, then answers from memory. */
export function policyOf(method: DescMethod): MethodPolicy {
  let policy = policies.get(method);
  if (policy === undefined) {
    policy = readPolicy(method);
    policies.set(method, policy);
  }
  return policy;
}

/** The path by which a method is called: "/api.v1.ClusterService/Get". */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Whether a method only reads: one of its roles is a viewer's. Admin viewers may call it. */
export function isRead(policy: Pick<MethodPolicy, "projectRoles" | "tenantRoles" | "adminRoles">): boolean {
  return (
    policy.projectRoles.includes(ProjectRole.VIEWER) ||
    policy.tenantRoles.includes(TenantRole.VIEWER) ||
    policy.adminRoles.includes(AdminRole.VIEWER)
  );
}

function readPolicy(method: DescMethod): MethodPolicy {
  const projectRoles = getOption(method, project_roles);
  const tenantRoles = getOption(method, tenant_roles);
  const projectField = stringField(method, "project");
  const tenantField = stringField(method, "login");
  const roles = { projectRoles, tenantRoles, adminRoles: getOption(method, admin_roles) };
  const callers = { ...roles, visibility: getOption(method, visibility) };
  const audited = getOption(method, auditing) !== Auditing.EXCLUDED;
  const reads = onlyReads(method, callers);
  return {
    path: pathOf(method),
    ...callers,
    chargeable: getOption(method, chargeable) === Chargeable.TRUE,
    audited,
    reads,
    auditedAhead: audited && !reads,
    projectScope: { kind: projectRoles.length > 0 && projectField !== undefined ? "project" : "none" },
    tenantScope: { kind: tenantRoles.length > 0 ? tenantScopeKind(method, tenantField) : "none" },
    projectField,
    tenantField,
    environmentField: stringField(method, "environment"),
    deploymentField: stringField(method, "deployment"),
  };
}

// The options alone do not say it: admin viewers may revoke tokens.
function onlyReads(method: DescMethod, callers: Parameters<typeof isRead>[0] & Pick<MethodPolicy, "visibility">) {
  return /^(Get|List|Watch)/.test(method.name) && (isRead(callers) || callers.visibility === Visibility.PUBLIC);
}

// A request with the whole tenant in it creates that tenant: nobody can hold a role there yet.
function tenantScopeKind(method: DescMethod, tenantField: DescField | undefined): Scope["kind"] {
  if (tenantField !== undefined) return "tenant";
  const brought = method.input.fields.find((field) => field.name === "tenant");
  return brought?.fieldKind === "message" && brought.message.typeName === TenantSchema.typeName ? "anyTenant" : "none";
}

function stringField(method: DescMethod, name: string): DescField | undefined {
  const field = method.input.fields.find((candidate) => candidate.name === name);
  return field?.fieldKind === "scalar" && field.scalar === ScalarType.STRING ? field : undefined;
}
