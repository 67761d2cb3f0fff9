import { ScopeKind } from "../../../../gen/ts/iam/v1/access_pb.js";
import { deploymentSubject, environmentSubject } from "../../../auth/rights.js";
import type { CallSubject } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { PermissionScope } from "../../../platform.js";
import { deploymentStore } from "../../deploy/deployment/store.js";
import { environmentStore } from "../../deploy/environment/store.js";
import type { BoundScope } from "./role-store.js";

/** Where a role is bound: the narrowest that a request names, or else the platform. */
export type Scope =
  | { readonly kind: "platform" }
  | { readonly kind: "tenant"; readonly tenant: string }
  | { readonly kind: "project"; readonly project: string }
  | { readonly kind: "environment" | "deployment"; readonly project: string; readonly part: string };

/** The fields of a request that name a scope; empty ones name nothing. */
export interface NamedScope {
  readonly login: string;
  readonly project: string;
  readonly environment: string;
  readonly deployment: string;
}

/** The scope that a request names; throws "invalid" for two at once. */
export function scopeOf({ login, project, environment, deployment }: NamedScope): Scope {
  const inside = environment || deployment;
  if (login !== "" && (project || inside)) throw twoScopes(["login", "project"]);
  if (environment !== "" && deployment !== "") throw twoScopes(["environment", "deployment"]);
  if (inside !== "" && project === "") {
    const field = environment === "" ? "deployment" : "environment";
    throw new DomainError("invalid", `${field}: needs the project that it is in`, {
      violations: [{ field: "project", message: `must name the project of the ${field}` }],
    });
  }
  if (environment !== "")
    return { kind: "environment", project: project.toLowerCase(), part: environment.toLowerCase() };
  if (deployment !== "") return { kind: "deployment", project: project.toLowerCase(), part: deployment.toLowerCase() };
  if (project !== "") return { kind: "project", project: project.toLowerCase() };
  return login === "" ? { kind: "platform" } : { kind: "tenant", tenant: login };
}

function twoScopes(fields: readonly string[]): DomainError {
  const message = `name one of ${fields.join(" and ")}, not both`;
  return new DomainError("invalid", message, { violations: fields.map((field) => ({ field, message })) });
}

/** Refuses a scope whose environment or deployment the project has not; a deployment stays until a transaction ends. */
export async function demandPart(db: Database, scope: Scope): Promise<void> {
  if (scope.kind !== "environment" && scope.kind !== "deployment") return;
  const { kind, project, part } = scope;
  const row =
    kind === "environment"
      ? await environmentStore.get(db, { project, id: part })
      : await deploymentStore.hold(db, { project, environment: "", id: part });
  if (row === undefined) throw new DomainError("missing", `${kind} ${part} does not exist`);
}

/** What a call names that is about the scope. */
export function aboutScope(scope: Scope): CallSubject {
  switch (scope.kind) {
    case "platform":
      return {};
    case "tenant":
      return { tenant: scope.tenant };
    case "project":
      return { project: scope.project };
    default:
      return { project: scope.project, [scope.kind]: scope.part };
  }
}

/** Under which subject rights in the project, environment or deployment are kept. */
export function subjectInProject(scope: Exclude<Scope, { kind: "platform" | "tenant" }>): string {
  if (scope.kind === "project") return scope.project;
  const subjectOf = scope.kind === "environment" ? environmentSubject : deploymentSubject;
  return subjectOf(scope.project, scope.part);
}

/** Kinds of scope and their numbers in the API, from the widest to the narrowest. */
export const scopeKinds = {
  platform: ScopeKind.PLATFORM,
  tenant: ScopeKind.TENANT,
  project: ScopeKind.PROJECT,
  environment: ScopeKind.ENVIRONMENT,
  deployment: ScopeKind.DEPLOYMENT,
} as const satisfies Record<PermissionScope, ScopeKind>;

/** The kind of a number of the API; undefined for UNSPECIFIED. */
export function scopeKindOf(number: ScopeKind | undefined): PermissionScope | undefined {
  return (Object.keys(scopeKinds) as PermissionScope[]).find((kind) => scopeKinds[kind] === number);
}

/** The scope of a stored binding. */
export function boundScope({ scope, tenant, project, subject }: BoundScope): Scope {
  if (scope === "tenant") return { kind: scope, tenant: tenant ?? "" };
  if (scope === "project") return { kind: scope, project: project ?? "" };
  return { kind: scope, project: project ?? "", part: subject ?? "" };
}
