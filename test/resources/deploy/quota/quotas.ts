import type { MessageInitShape } from "@bufbuild/protobuf";
import { eq } from "drizzle-orm";
import {
  QuotaService,
  type QuotaServiceGetRequestSchema,
  type QuotaServiceSetRequestSchema,
} from "../../../../gen/ts/deploy/v1/quota_pb.js";
import type { Database } from "../../../../src/db/database.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import { demandQuota } from "../../../../src/resources/deploy/quota/demand.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { deploymentTasks } from "../../../../src/resources/deploy/task/table.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Named = Plain<MessageInitShape<typeof QuotaServiceGetRequestSchema>>;
type Limits = Plain<MessageInitShape<typeof QuotaServiceSetRequestSchema>>;

/** Where deployments of a project run. */
export interface Place {
  readonly project: string;
  readonly environment: string;
  readonly target: string;
  readonly namespace: string;
}

/** Quotas of a tenant's project, called for by its owner unless told otherwise, and what uses them up. */
export function quotasOf(platform: TestPlatform, { project, tokens }: TestTenant) {
  const { db, newId, clock } = platform.platform;
  const client = platform.client(QuotaService);
  const owner = as(tokens.owner);
  const stamps = () => ({ createdAt: clock(), updatedAt: clock() });

  /** A row of a deployment, as acceptance adds it. */
  const insert = async (tx: Database, place: Place, units: number): Promise<string> => {
    const id = newId();
    const row = { id, ...place, name: id, objectName: `o-${id}`, kind: "nginx", ...stamps() };
    await tx.insert(deployments).values({ ...row, scale: { web: { replicas: units } } });
    return id;
  };
  /** A task that waits. */
  const queue = async (tx: Database, of: Place, deployment: string, unitsAfter: number): Promise<string> => {
    const id = newId();
    const what = { id, project: of.project, deployment, kind: "scale", state: "queued", actor: "test" } as const;
    await tx.insert(deploymentTasks).values({ ...what, unitsAfter, executeAt: clock(), createdAt: clock() });
    return id;
  };

  return {
    client,
    owner,
    async get(named: Named = { project }, by = owner) {
      const { quota } = await client.get(named, by);
      if (quota === undefined) throw new Error("no quota was answered");
      return quota;
    },
    async set(limits: Limits, by = owner) {
      return (await client.set({ ...(limits.tenant ? {} : { project }), ...limits }, by)).quota;
    },
    /** A target with a namespace, on which nothing is done. */
    async place(environment: string): Promise<Place> {
      const [target, namespace] = [newId(), newId()];
      await db.insert(targets).values({ id: target, project, name: target, kubeconfigSealed: "sealed", ...stamps() });
      await db.insert(targetNamespaces).values({ id: namespace, project, target, name: "apps", ...stamps() });
      return { project, environment, target, namespace };
    },
    /** Accepts a new deployment, as the service does. */
    deploy: (place: Place, units: number) =>
      db.transaction(async (tx) => {
        await demandQuota(tx, { ...place, newDeployments: 1, unitsAfter: units });
        return await insert(tx, place, units);
      }),
    /** Accepts a change to so many units, and answers its task. */
    scale: (place: Place, deployment: string, units: number) =>
      db.transaction(async (tx) => {
        await tx.select().from(deployments).where(eq(deployments.id, deployment)).for("update");
        await demandQuota(tx, { ...place, deployment, newDeployments: 0, unitsAfter: units });
        return await queue(tx, place, deployment, units);
      }),
    /** Ends a task, which changes the scale when it succeeds. */
    end: (task: string, state: "succeeded" | "failed") =>
      db.transaction(async (tx) => {
        const [row] = await tx
          .update(deploymentTasks)
          .set({ state, finishedAt: clock() })
          .where(eq(deploymentTasks.id, task))
          .returning();
        if (row === undefined || row.unitsAfter === null) throw new Error("there is no such task");
        if (state === "failed") return;
        const scale = { web: { replicas: row.unitsAfter } };
        await tx.update(deployments).set({ scale }).where(eq(deployments.id, row.deployment));
      }),
    remove: (deployment: string) =>
      db.update(deployments).set({ phase: "deleted", deletedAt: clock() }).where(eq(deployments.id, deployment)),
  };
}
