import { Visibility } from "../gen/ts/api/v1/common_pb.js";
import { aboutSubject } from "./auth/rights.js";
import type { Methods, PermissionFacts, PermissionScope } from "./platform.js";
import { resources } from "./resources.js";
import { decide } from "./rpc/decide.js";
import { type MethodPolicy, policyOf } from "./rpc/method-options.js";

/** The contract's methods, as resources see them. */
export function createMethods(): Methods {
  const policies = new Map(
    resources.flatMap(({ service }) => service.methods.map(policyOf)).map((policy) => [policy.path, policy]),
  );
  const outside = [...policies.values()].filter(({ visibility }) => visibility !== Visibility.PRIVATE);
  const permissions = permissionTree(outside);
  return {
    names: new Set(outside.map(({ path }) => path).sort()),
    permissions,
    expand: (permission) => permissions.get(permission)?.methods ?? nothing,
    admits(method, { project, tenant }) {
      const policy = policies.get(method);
      if (policy === undefined) return false;
      const { projectRoles, tenantRoles } = policy;
      return (!!project && projectRoles.includes(project)) || (!!tenant && tenantRoles.includes(tenant));
    },
    may(caller, method, subject) {
      const policy = policies.get(method);
      if (policy === undefined) return false;
      // A method that takes a project or a tenant is asked about each alone, as a call would name it.
      return (
        decide(policy, caller, aboutSubject(subject)).allowed || decide(policy, caller, { tenant: subject }).allowed
      );
    },
    decide(caller, method, about) {
      const policy = policies.get(method);
      return policy && decide(policy, caller, about);
    },
  };
}

const nothing: ReadonlySet<string> = new Set();

/**
 * Every method that roles guard, under its dotted name, and the services and packages
 * above it: "/api.v1.ClusterService/Get" is api.v1.ClusterService.Get, in
 * api.v1.ClusterService, in api.v1, in api, in "*".
 */
function permissionTree(policies: readonly MethodPolicy[]): ReadonlyMap<string, PermissionFacts> {
  const tree = new Map<string, { readonly methods: Set<string>; readonly scopes: Set<PermissionScope> }>();
  for (const policy of policies) {
    const scopes = scopesOf(policy);
    if (scopes.length === 0) continue;
    const parts = policy.path.slice(1).replace("/", ".").split(".");
    const above = parts.map((_, i) => parts.slice(0, i + 1).join("."));
    for (const name of ["*", ...above]) {
      const facts = tree.get(name) ?? { methods: new Set(), scopes: new Set() };
      facts.methods.add(policy.path);
      for (const scope of scopes) facts.scopes.add(scope);
      tree.set(name, facts);
    }
  }
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where a role with the method has an effect: what a tenant's role gives holds in its projects, too. */
function scopesOf(policy: MethodPolicy): PermissionScope[] {
  const inProject = policy.projectScope.kind === "project";
  const inTenant = policy.tenantScope.kind !== "none";
  return [
    ...(policy.adminRoles.length > 0 && !inProject && !inTenant ? (["platform"] as const) : []),
    ...(inProject || inTenant ? (["tenant"] as const) : []),
    ...(inProject ? (["project"] as const) : []),
    ...(inProject && policy.environmentField !== undefined ? (["environment"] as const) : []),
    ...(inProject && policy.deploymentField !== undefined ? (["deployment"] as const) : []),
  ];
}
