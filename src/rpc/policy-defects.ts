import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { type MethodPolicy, pathOf, policyOf } from "./method-options.js";

/**
 * Names each method whose options or scope field are wrong, one message per
 * defect; a server must not start while there are any.
 */
export function policyDefects(services: readonly DescService[]): string[] {
  return services.flatMap((service) =>
    service.methods.flatMap((method) => defectsOf(method).map((defect) => `${pathOf(method)}: ${defect}`)),
  );
}

function defectsOf(method: DescMethod): string[] {
  const policy = policyOf(method);
  const roles = [...policy.projectRoles, ...policy.tenantRoles, ...policy.adminRoles];
  const scoped = policy.projectScope.kind !== "none" || policy.tenantScope.kind !== "none";
  const defects: [boolean, string][] = [
    [
      policy.visibility === Visibility.UNSPECIFIED && roles.length === 0,
      "has neither roles nor a visibility, so nobody could say who may call it",
    ],
    [
      policy.visibility !== Visibility.UNSPECIFIED && roles.length > 0,
      `is ${visibilityName(policy)} and restricted by roles at once`,
    ],
    [!(policy.visibility in Visibility), `has the unknown visibility ${policy.visibility}`],
    [
      policy.projectRoles.length > 0 && policy.projectScope.kind === "none",
      "has project_roles, but its request has no singular string field `project`",
    ],
    [
      policy.tenantRoles.length > 0 && policy.tenantScope.kind === "none",
      "has tenant_roles, but its request has no singular string field `login`",
    ],
    [roles.some((role) => role === 0), "lists a role UNSPECIFIED"],
    [policy.chargeable && !scoped, "is chargeable, but no tenant or project is its subject"],
  ];
  return defects.filter(([wrong]) => wrong).map(([, message]) => message);
}

function visibilityName(policy: MethodPolicy): string {
  return (Visibility[policy.visibility] ?? String(policy.visibility)).toLowerCase();
}
