import type { Platform } from "../../../platform.js";
import type { InsideObjects, InsideReader } from "../cluster/inside/reader.js";
import { persistentVolumes, snapshotContents } from "./kube-types.js";
import { snapshotsOf, volumesOf } from "./observe.js";
import { volumeTypes } from "./picks.js";
import { type SeenIn, sightingStore } from "./sightings.js";

/** What was written of a cluster last: records by id, as JSON. */
interface Written {
  readonly volumes: Known;
  readonly snapshots: Known;
}

interface Known {
  readonly all: ReadonlyMap<string, string>;
  /** Whether what the database has beyond these has been marked as deleted. */
  readonly isAll: boolean;
}

const batchSize = 500;

/** Writes the volumes and snapshots of clusters as they change, and only those that do. */
export function volumeReader({ db, clock }: Pick<Platform, "db" | "clock">): InsideReader {
  // Of the objects that are followed now: whoever takes over, or comes back, begins with what the database knows.
  const written = new WeakMap<InsideObjects, Written>();

  const write = async (cluster: SeenIn, objects: InsideObjects): Promise<void> => {
    const now = clock();
    const before = written.get(objects);
    // Until all is written nothing is known: after a failure everything is compared anew.
    written.delete(objects);
    const volumes = news(volumesOf(objects), before?.volumes.all);
    const snapshots = news(snapshotsOf(objects), before?.snapshots.all);
    for (const batch of batches(volumes.changed)) {
      leaveOut(volumes.all, batch, await sightingStore.putVolumes(db, cluster, batch, now));
    }
    for (const batch of batches(snapshots.changed)) {
      leaveOut(snapshots.all, batch, await sightingStore.putSnapshots(db, cluster, batch, now));
    }
    const stored = before?.volumes.isAll && before.snapshots.isAll ? none : await sightingStore.known(db, cluster.id);
    const isAll = {
      volumes: before?.volumes.isAll || objects.isComplete(persistentVolumes),
      snapshots: before?.snapshots.isAll || objects.isComplete(snapshotContents),
    };
    const gone = {
      volumes: missing(volumes.all, before?.volumes, isAll.volumes ? stored.volumes : []),
      snapshots: missing(snapshots.all, before?.snapshots, isAll.snapshots ? stored.snapshots : []),
    };
    await sightingStore.markDeleted(db, cluster.id, gone, now);
    written.set(objects, {
      volumes: { all: volumes.all, isAll: isAll.volumes },
      snapshots: { all: snapshots.all, isAll: isAll.snapshots },
    });
  };

  return {
    name: "volumes",
    types: volumeTypes,
    settle: (cluster, objects) => write(cluster, objects),
    forgetDeleted: () => sightingStore.endOfDeletedClusters(db),
  };
}

/** The records that differ from what was written, and all of them as they will be. */
function news<R extends { readonly id: string }>(
  records: readonly R[],
  before: ReadonlyMap<string, string> | undefined,
) {
  const all = new Map<string, string>();
  const changed: R[] = [];
  for (const record of records) {
    const text = JSON.stringify(record);
    // Two objects with one handle: the first is taken, and always the same one.
    if (record.id === "" || all.has(record.id)) continue;
    all.set(record.id, text);
    if (before?.get(record.id) !== text) changed.push(record);
  }
  return { all, changed };
}

/** What is another cluster's is reported again each time: it may go from there. */
function leaveOut(all: Map<string, string>, batch: readonly { readonly id: string }[], written: readonly string[]) {
  const ids = new Set(written);
  for (const { id } of batch) if (!ids.has(id)) all.delete(id);
}

const none = { volumes: [], snapshots: [] };

/** What is gone: what was here before, and, where all that there is is here, what the database has beyond that. */
function missing(all: ReadonlyMap<string, string>, before: Known | undefined, stored: readonly string[]): string[] {
  return [...new Set([...(before?.all.keys() ?? []), ...stored])].filter((id) => !all.has(id));
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize);
}
