import type { QuotaServiceSetRequest } from "../../../../gen/ts/deploy/v1/quota_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { QuotaLimits, QuotaScope, QuotaUse } from "./store.js";

/** Whose limits a request sets: those of one of tenant, project, environment and deployment. Throws "invalid". */
export function scopeToSet(request: QuotaServiceSetRequest): QuotaScope {
  const { project, tenant, environmentUuid, deploymentUuid, deploymentsLimit } = request;
  if ((project === "") === (tenant === "")) throw invalidField("project", "must be named, or else tenant");
  if (environmentUuid !== "" && deploymentUuid !== "") {
    throw invalidField("deployment_uuid", "must be empty where environment_uuid is named");
  }
  if (tenant !== "") {
    if (environmentUuid !== "") throw invalidField("environment_uuid", "must be empty where no project is named");
    if (deploymentUuid !== "") throw invalidField("deployment_uuid", "must be empty where no project is named");
    return { kind: "tenant", tenant };
  }
  if (environmentUuid !== "") return { kind: "environment", project, environment: environmentUuid };
  if (deploymentUuid === "") return { kind: "project", project };
  if (deploymentsLimit !== undefined) {
    throw invalidField("deployments_limit", "is not of a deployment: set units_limit");
  }
  return { kind: "deployment", project, deployment: deploymentUuid };
}

/** The limits of a request: what is not set stays, and -1 takes one away. */
export function limitsOf({ deploymentsLimit, unitsLimit }: QuotaServiceSetRequest): QuotaLimits {
  return {
    ...(deploymentsLimit === undefined ? {} : { deploymentsLimit: limitOf(deploymentsLimit) }),
    ...(unitsLimit === undefined ? {} : { unitsLimit: limitOf(unitsLimit) }),
  };
}

const limitOf = (limit: bigint): number | null => (limit < 0n ? null : Number(limit));

/** Refuses a limit below what is in use. */
export function refuseBelowUse({ kind }: QuotaScope, limits: QuotaLimits, use: QuotaUse): void {
  const pairs = [
    ["deployments", limits.deploymentsLimit, use.deployments],
    ["units", limits.unitsLimit, use.units],
  ] as const;
  for (const [what, limit, inUse] of pairs) {
    if (limit === undefined || limit === null || limit >= inUse) continue;
    throw new DomainError("precondition", `the ${kind} has ${inUse} ${what}: the limit must not be below that`);
  }
}
