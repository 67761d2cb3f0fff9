import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { projects } from "../../api/project/table.js";
import { deployments } from "../deployment/table.js";
import { quotas } from "./table.js";

export type QuotaRow = typeof quotas.$inferSelect;

/** What limits are set of, and use is counted in. */
export type QuotaScope =
  | { readonly kind: "tenant"; readonly tenant: string }
  | { readonly kind: "project"; readonly project: string }
  | { readonly kind: "environment"; readonly project: string; readonly environment: string }
  | { readonly kind: "deployment"; readonly project: string; readonly deployment: string };

/** Deployments that are not deleted, and the units that they have or shall have by what is accepted. */
export interface QuotaUse {
  readonly deployments: number;
  readonly units: number;
}

/** Limits that change; null takes one away, and what is left out stays. */
export type QuotaLimits = Partial<Pick<QuotaRow, "deploymentsLimit" | "unitsLimit">>;

/** One half of the key of the locks; the other is the hash of the tenant. */
const LOCK_CLASS = 7_541_340;

/** Limits, and what is in use, which is counted whenever it is asked for. */
export const quotaStore = {
  /** Lets nobody else of the tenant accept units or set limits until the transaction ends. */
  async lock(tx: Database, tenant: string): Promise<void> {
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext(${tenant}))`);
  },

  async get(db: Database, scope: QuotaScope): Promise<QuotaRow | undefined> {
    const [row] = await db.select().from(quotas).where(isOf(scope));
    return row;
  },

  /** What is in use in the scope. */
  async use(db: Database, scope: QuotaScope): Promise<QuotaUse> {
    // The states are spelled out as in the index of open tasks.
    const { rows } = await db.execute<{ deployments: string; units: string }>(sql`
      select count(*) as deployments,
        coalesce(sum(greatest(${deployments.units}, (
          select max(task.units_after) from deployment_tasks as task
          where task.deployment = ${deployments.id} and task.state in ('queued', 'scheduled', 'running', 'canceling')
        ))), 0) as units
      from ${deployments}
      where ${and(isNull(deployments.deletedAt), isIn(scope))}`);
    const [row] = rows;
    return { deployments: Number(row?.deployments ?? 0), units: Number(row?.units ?? 0) };
  },

  /** Sets limits; the caller holds the tenant's lock. */
  async put(
    tx: Database,
    scope: QuotaScope,
    limits: QuotaLimits,
    { id, now }: { readonly id: string; readonly now: Date },
  ): Promise<QuotaRow> {
    const values = { ...limits, updatedAt: now };
    const { kind: _, ...owner } = scope;
    const [row] =
      (await quotaStore.get(tx, scope)) === undefined
        ? await tx
            .insert(quotas)
            .values({ ...owner, ...values, id })
            .returning()
        : await tx.update(quotas).set(values).where(isOf(scope)).returning();
    if (row === undefined) throw new Error("the write answered no row");
    return row;
  },
};

function isOf(scope: QuotaScope): SQL | undefined {
  if (scope.kind === "tenant") return eq(quotas.tenant, scope.tenant);
  return and(
    eq(quotas.project, scope.project),
    scope.kind === "environment" ? eq(quotas.environment, scope.environment) : isNull(quotas.environment),
    scope.kind === "deployment" ? eq(quotas.deployment, scope.deployment) : isNull(quotas.deployment),
  );
}

function isIn(scope: QuotaScope): SQL | undefined {
  if (scope.kind === "tenant") {
    return sql`${deployments.project} in (select ${projects.id} from ${projects} where ${projects.tenant} = ${scope.tenant})`;
  }
  return and(
    eq(deployments.project, scope.project),
    scope.kind === "environment" ? eq(deployments.environment, scope.environment) : undefined,
    scope.kind === "deployment" ? eq(deployments.id, scope.deployment) : undefined,
  );
}
