import { type Cluster, openCluster } from "./cluster.js";
import { type Disk, noDisk, openDisk } from "./disk.js";
import type { KubeLog } from "./embedded-kube.js";
import type { ApiExtension } from "./extension.js";
import { versionKey } from "./store.js";
import { isNamespaceName } from "./validation.js";
import { startVersions } from "./versions.js";
import { createWriteQueue } from "./write-queue.js";

/** The virtual clusters of one server. */
export interface Clusters {
  /** The management cluster. */
  readonly root: Cluster;
  /** A cluster by name; "" is the management cluster. */
  get(name: string): Cluster | undefined;
  create(name: string): Promise<Cluster>;
  remove(name: string): Promise<void>;
  /** Ends the streams and controllers of all clusters. */
  stop(): void;
  /** Finishes the writes and closes the files. */
  close(): Promise<void>;
}

const clusterKey = (name: string) => `clusters/${name}`;
const objectsKey = (name: string) => `objects/${name}/`;

/** Opens all clusters that a directory holds, and the management cluster in any case. */
export async function openClusters(options: {
  directory: string | undefined;
  clock: () => Date;
  log: KubeLog;
  extensions: readonly ApiExtension[];
}): Promise<Clusters> {
  const { directory, clock, log, extensions } = options;
  const disk = directory === undefined ? noDisk() : await openDisk(directory);
  const versions = startVersions(clock(), await storedVersion(disk));
  const queue = createWriteQueue();
  const onListenerError = (error: unknown) => {
    if (!closed) log.error({ err: error }, "embedded kubernetes: work after a change failed");
  };
  let closed = false;
  const open = (name: string) =>
    openCluster(name, extensions, { prefix: objectsKey(name), disk, queue, versions, now: clock, onListenerError });
  const clusters = new Map<string, Cluster>();
  const opening = new Map<string, Promise<Cluster>>();

  const root = await open("");
  clusters.set("", root);
  for await (const [key] of disk.entries(clusterKey(""))) {
    const name = key.slice(clusterKey("").length);
    clusters.set(name, await open(name));
  }
  const make = async (name: string) => {
    await queue.run(async () => {
      // A process that was killed while it removed a cluster of that name may have left objects.
      await disk.clear(objectsKey(name));
      await disk.write([{ key: clusterKey(name), value: "{}" }]);
    });
    const cluster = await open(name);
    clusters.set(name, cluster);
    return cluster;
  };
  return {
    root,
    get: (name) => clusters.get(name),
    async create(name) {
      if (!isNamespaceName(name)) throw new Error(`${JSON.stringify(name)} is not a name that a cluster may have`);
      const known = clusters.get(name);
      if (known) return known;
      const running = opening.get(name) ?? make(name).finally(() => opening.delete(name));
      opening.set(name, running);
      return running;
    },
    async remove(name) {
      await opening.get(name);
      const cluster = clusters.get(name);
      if (!cluster || name === "") return;
      clusters.delete(name);
      cluster.stop();
      // The mark goes first: what a killed process leaves behind is not opened again.
      await queue.run(async () => {
        await disk.write([{ key: clusterKey(name) }]);
        await disk.clear(objectsKey(name));
      });
    },
    stop() {
      closed = true;
      for (const cluster of clusters.values()) cluster.stop();
    },
    async close() {
      closed = true;
      await queue.close();
      await disk.close();
    },
  };
}

async function storedVersion(disk: Disk): Promise<number> {
  for await (const [key, value] of disk.entries(versionKey)) if (key === versionKey) return Number(value);
  return 0;
}
