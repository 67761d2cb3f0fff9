import { nodes } from "../../../kube/objects.js";
import type { Platform } from "../../../platform.js";
import type { InsideObjects, InsideReader } from "../cluster/inside/reader.js";
import { attachments, claims, persistentVolumes, snapshotContents, volumeSnapshots } from "./kube-types.js";
import { snapshotsOf, volumesOf } from "./observe.js";
import { type SeenIn, sightingStore } from "./sightings.js";

/** What was written of a cluster last: records by id, as JSON. */
interface Written {
  readonly volumes: ReadonlyMap<string, string>;
  readonly snapshots: ReadonlyMap<string, string>;
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
    const volumes = news(volumesOf(objects), before?.volumes);
    const snapshots = news(snapshotsOf(objects), before?.snapshots);
    for (const batch of batches(volumes.changed)) await sightingStore.putVolumes(db, cluster, batch, now);
    for (const batch of batches(snapshots.changed)) await sightingStore.putSnapshots(db, cluster, batch, now);
    const known = before === undefined ? await sightingStore.known(db, cluster.id) : namesOf(before);
    const gone = {
      volumes: known.volumes.filter((id) => !volumes.all.has(id)),
      snapshots: known.snapshots.filter((id) => !snapshots.all.has(id)),
    };
    await sightingStore.markDeleted(db, cluster.id, gone, now);
    written.set(objects, { volumes: volumes.all, snapshots: snapshots.all });
  };

  return {
    name: "volumes",
    types: [persistentVolumes, claims, attachments, volumeSnapshots, snapshotContents, nodes],
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

const namesOf = ({ volumes, snapshots }: Written) => ({
  volumes: [...volumes.keys()],
  snapshots: [...snapshots.keys()],
});

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize);
}
