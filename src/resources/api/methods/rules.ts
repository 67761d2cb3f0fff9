import { aboutSubject, projectOf } from "../../../auth/rights.js";
import type { Caller, Rights } from "../../../caller.js";
import type { Methods } from "../../../platform.js";

/**
 * The single methods that a caller may call beside those of its roles in projects and tenants, by subject:
 * the token's own permissions as far as its owner may do that there now, what custom roles give, and what
 * roles in environments and deployments give there.
 */
export function singleMethods(caller: Caller, methods: Methods): Record<string, string[]> {
  const { granted, owner, permissions } = caller;
  const found = new Map<string, Set<string>>();
  const add = (subject: string, names: Iterable<string>): void => {
    found.set(subject, new Set([...(found.get(subject) ?? []), ...names]));
  };
  for (const [subject, names] of permissions) {
    const callable = [...names].filter((name) => methods.may(caller, name, subject));
    if (hasAnything(owner, subject) && callable.length > 0) add(subject, callable);
  }
  for (const [subject, names] of [...granted.projectMethods, ...granted.tenantMethods]) add(subject, names);
  for (const part of granted.partRoles.keys()) {
    add(
      part,
      [...methods.names].filter((name) => isByRole(methods, caller, name, part)),
    );
  }
  return Object.fromEntries([...found].map(([subject, names]) => [subject, [...names]]));
}

function hasAnything(rights: Rights, subject: string): boolean {
  const { projectRoles, tenantRoles, partRoles, projectMethods, tenantMethods } = rights;
  const held = [projectRoles, tenantRoles, partRoles, projectMethods, tenantMethods];
  return held.some((subjects) => subjects.has(subject)) || projectRoles.has(projectOf(subject));
}

function isByRole(methods: Methods, caller: Caller, name: string, part: string): boolean {
  const decision = methods.decide(caller, name, aboutSubject(part));
  return decision?.allowed === true && decision.ground.endsWith(" role");
}
