import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { projectStore } from "../../api/project/store.js";
import { type QuotaScope, quotaStore } from "./store.js";

/** What a change is going to use. */
export interface QuotaDemand {
  /** Uuids. */
  readonly project: string;
  readonly environment: string;
  /** The deployment that is changed; undefined for a new one. */
  readonly deployment?: string | undefined;
  readonly newDeployments: 0 | 1;
  /** Units of the deployment when the change is done. */
  readonly unitsAfter: number;
}

/**
 * Lets a change be accepted, or throws "exhausted", which names the scope, its limit and what is in use. The caller
 * writes what is demanded, a deployment or a task with its `unitsAfter`, in the same transaction, which keeps others of
 * the tenant waiting until it ends: so limits hold whoever asks at once. A new deployment demands before its row is
 * there; an old one while its row is held. What adds nothing is never refused.
 */
export async function demandQuota(tx: Database, demand: QuotaDemand): Promise<void> {
  const { project, environment, deployment } = demand;
  const tenant = (await projectStore.get(tx, project))?.tenant;
  if (tenant === undefined) throw new DomainError("missing", `project ${project} does not exist`);
  await quotaStore.lock(tx, tenant);
  const before = deployment === undefined ? 0 : (await quotaStore.use(tx, ofDeployment(project, deployment))).units;
  const added = { deployments: demand.newDeployments, units: Math.max(0, demand.unitsAfter - before) };
  if (added.deployments === 0 && added.units === 0) return;
  const scopes: readonly QuotaScope[] = [
    ...(deployment === undefined ? [] : [ofDeployment(project, deployment)]),
    { kind: "environment", project, environment },
    { kind: "project", project },
    { kind: "tenant", tenant },
  ];
  for (const scope of scopes) {
    const limits = await quotaStore.get(tx, scope);
    if (limits === undefined || (limits.deploymentsLimit === null && limits.unitsLimit === null)) continue;
    const use = await quotaStore.use(tx, scope);
    refuseBeyond(scope, "deployments", limits.deploymentsLimit, use.deployments, added.deployments);
    refuseBeyond(scope, "units", limits.unitsLimit, use.units, added.units);
  }
}

const ofDeployment = (project: string, deployment: string): QuotaScope => ({ kind: "deployment", project, deployment });

function refuseBeyond({ kind }: QuotaScope, what: string, limit: number | null, use: number, added: number): void {
  if (limit === null || added === 0 || use + added <= limit) return;
  throw new DomainError(
    "exhausted",
    `the ${kind} may have ${limit} ${what} and has ${use}: ${added} more are not possible, unless its limit is raised or others go`,
  );
}
