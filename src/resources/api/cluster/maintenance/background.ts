import { timestampDate } from "@bufbuild/protobuf/wkt";
import { withoutValues } from "../../../../db/errors.js";
import type { Platform } from "../../../../platform.js";
import type { Background } from "../../../background.js";
import type { Assets } from "../../assets/assets.js";
import { queueReconcile } from "../jobs.js";
import { type ClusterRow, clusterStore } from "../store.js";
import type { WantedCluster } from "../table.js";
import { maintenanceStore } from "./store.js";
import { type OfferedVersion, targetVersion } from "./target.js";
import { windowAt } from "./window.js";

const task = "clusters.maintain";
const pruneTask = "clusters.maintain.prune";
/** How long is known of a window in which there was nothing to do. */
const retentionMs = 30 * 24 * 3_600_000;

/** Updates the Kubernetes versions of clusters in their maintenance windows. */
export function maintenanceBackground(platform: Platform): Background {
  return {
    tasks: { [task]: () => maintainClusters(platform), [pruneTask]: () => pruneMaintenance(platform) },
    // The queue starts it once for all processes; a window is an hour at least, so none is missed.
    cron: [
      { task, pattern: "*/5 * * * *" },
      { task: pruneTask, pattern: "25 3 * * *" },
    ],
    controllers: [],
  };
}

/** Looks at every cluster whose window is open now, once in each window. */
export async function maintainClusters(platform: Platform): Promise<void> {
  for (const [partition, { settings }] of platform.partitions) {
    for (const row of await clusterStore.inPartition(platform.db, partition)) {
      await maintain(platform, row, settings.timeZone).catch((error: unknown) =>
        platform.log.warn({ err: withoutValues(error), cluster: row.id }, "the maintenance of a cluster failed"),
      );
    }
  }
}

/** Forgets old windows in which there was nothing to do; updates stay known. */
export function pruneMaintenance({ db, clock }: Pick<Platform, "db" | "clock">): Promise<void> {
  return maintenanceStore.prune(db, new Date(clock().getTime() - retentionMs));
}

async function maintain(platform: Platform, seen: ClusterRow, timeZone: string): Promise<void> {
  const { db, clock, log } = platform;
  const now = clock();
  const window = windowAt(seen.maintenanceBegin, seen.maintenanceSeconds, timeZone, now);
  if (window === undefined || !isAtRest(seen)) return;
  await db.transaction(async (tx) => {
    const row = await clusterStore.lock(tx, { id: seen.id });
    if (row === undefined || !isAtRest(row)) return;
    const fromVersion = row.kubernetesVersion;
    const offered = offeredIn(platform.assets, row.partition);
    const target = targetVersion(fromVersion, { autoupdate: row.kubernetesAutoupdate, offered, now });
    const toVersion = target ?? fromVersion;
    if (
      !(await maintenanceStore.take(tx, { cluster: row.id, window: window.begin, fromVersion, toVersion, at: now }))
    ) {
      return;
    }
    if (target === undefined) return;
    log.info({ cluster: row.id, fromVersion, toVersion }, "updating a cluster in its maintenance window");
    await clusterStore.want(tx, row.id, { ...wantedOf(row), kubernetesVersion: target }, now);
    await queueReconcile(tx, row.id);
  });
}

/** A cluster in the midst of an operation is left alone; its window may still be open when that is done. */
function isAtRest(row: ClusterRow): boolean {
  return row.deleteRequestedAt === null && row.statusState === "Succeeded" && row.appliedGeneration >= row.generation;
}

function wantedOf(row: ClusterRow): WantedCluster {
  const { partition, kubernetesVersion, workers, kubernetesAutoupdate, machineimageAutoupdate } = row;
  const { maintenanceBegin, maintenanceSeconds } = row;
  const autoupdate = { kubernetesAutoupdate, machineimageAutoupdate };
  return { partition, kubernetesVersion, workers, ...autoupdate, maintenanceBegin, maintenanceSeconds };
}

function offeredIn(assets: Assets, partition: string): OfferedVersion[] {
  const asset = Object.values(assets.all).find(({ region }) => Object.hasOwn(region?.partitions ?? {}, partition));
  return (asset?.kubernetes ?? []).map(({ version, expiration }) => ({
    version,
    expiration: expiration === undefined ? undefined : timestampDate(expiration),
  }));
}
