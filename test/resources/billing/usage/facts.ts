import { sql } from "drizzle-orm";
import { expect } from "vitest";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { clusterStore } from "../../../../src/resources/api/cluster/store.js";
import { type SeenNodes, workerStore } from "../../../../src/resources/billing/usage/worker-store.js";
import type { TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

/** A fact of use as it is in the database. */
export interface FactRow extends Record<string, unknown> {
  readonly meter: string;
  readonly variant: string;
  readonly quantity: string;
  readonly at: Date;
}

/** What the tests of facts do with a platform. */
export function factsIn(platform: TestPlatform) {
  const { db, pool } = platform.database.server;
  const rows = async (resource: string): Promise<FactRow[]> => {
    const found = await pool.query<FactRow>(
      `select tenant, project, resource_name, meter, variant, quantity::text, at from usage_facts
       where resource = $1 order by id`,
      [resource],
    );
    return found.rows;
  };
  return {
    /** The facts of a resource, in the order in which they were written. */
    rows,

    /** The same in short: meter, variant and quantity. */
    async of(resource: string): Promise<string[]> {
      return (await rows(resource)).map(({ meter, variant, quantity }) => `${meter} ${variant} ${quantity}`);
    },

    /** The last fact of every thing that runs says what runs. */
    async expectWhatRuns(): Promise<void> {
      const { rows: wrong } = await db.execute(sql`
        with last as (
          select distinct on (resource, meter, variant) project, resource, resource_name, meter, variant, quantity
          from usage_facts order by resource, meter, variant, id desc
        )
        select * from (select * from last where quantity > 0) l
        full join (select * from running_use where quantity > 0) r
          using (project, resource, resource_name, meter, variant, quantity)
        where l.* is null or r.* is null`);
      expect(wrong).toEqual([]);
    },

    async insideOf(uuid: string): Promise<KubeClient> {
      const { client, owner, project } = clustersOf(platform);
      const { kubeconfig } = await client.getCredentials({ project, uuid }, owner);
      return openKube({ kubeconfig, log: platform.platform.log });
    },

    /** A cluster in the database alone, so that nothing but the test counts its nodes. */
    async quietCluster(workers: readonly { machineType: string; minSize: number; maxSize: number }[]) {
      const { newId, clock } = platform.platform;
      const id = newId();
      const now = clock();
      await clusterStore.insert(db, {
        id,
        project: platform.project,
        name: `q${id.slice(-8)}`,
        partition: "nowhere",
        kubernetesVersion: "1.30.0",
        workers: workers.map((one, index) => ({ name: `w${index}`, maxSurge: 1, maxUnavailable: 0, ...one })),
        kubernetesAutoupdate: false,
        machineimageAutoupdate: false,
        maintenanceBegin: now,
        maintenanceSeconds: 3600,
        createdAt: now,
        updatedAt: now,
        statusType: "Create",
        statusState: "Pending",
        statusProgress: 0,
      });
      const put = (machines: Record<string, number>, all = true) =>
        workerStore.put(db, id, { machines: new Map(Object.entries(machines)), all } satisfies SeenNodes, clock());
      return { id, put };
    },
  };
}
