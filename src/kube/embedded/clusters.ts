import { type Cluster, openCluster } from "./cluster.js";
import { type Disk, noDisk, openDisk } from "./disk.js";
import type { KubeLog } from "./embedded-kube.js";
import type { ApiExtension } from "./extension.js";
import { StatusError } from "./status-error.js";
import { versionKey } from "./store.js";
import { isNamespaceName } from "./validation.js";
import { startVersions } from "./versions.js";
import { createWriteQueue, type WriteQueue } from "./write-queue.js";

/** The virtual clusters of one server. */
export interface Clusters {
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

interface Options {
  readonly directory: string | undefined;
  readonly clock: () => Date;
  readonly log: KubeLog;
  readonly extensions: readonly ApiExtension[];
}

/** What all clusters share. */
interface Shared {
  readonly disk: Disk;
  readonly queue: WriteQueue;
  readonly open: (name: string) => Promise<Cluster>;
}

/** Opens all clusters that a directory holds, and the management cluster in any case. */
export async function openClusters(options: Options): Promise<Clusters> {
  const shared = await openShared(options);
  const clusters = new Map<string, Cluster>();
  try {
    clusters.set("", await shared.open(""));
    for await (const [key] of shared.disk.entries(clusterKey(""))) {
      const name = key.slice(clusterKey("").length);
      clusters.set(name, await shared.open(name));
    }
  } catch (error) {
    await shared.disk.close();
    throw error;
  }
  const stop = () => {
    for (const cluster of clusters.values()) cluster.stop();
  };
  return {
    get: (name) => clusters.get(name),
    ...creation(clusters, shared),
    stop,
    async close() {
      stop();
      await shared.queue.close();
      await shared.disk.close();
    },
  };
}

async function openShared({ directory, clock, log, extensions }: Options): Promise<Shared> {
  const disk = directory === undefined ? noDisk() : await openDisk(directory);
  const versions = startVersions(clock(), await storedVersion(disk));
  const queue = createWriteQueue();
  const onListenerError = (error: unknown) => {
    // What a stopped cluster cannot finish goes on when it is opened again.
    const isStopped = error instanceof StatusError && error.code === 503;
    if (!isStopped) log.error({ err: error }, "embedded kubernetes: work after a change failed");
  };
  const parts = { disk, queue, versions, now: clock, onListenerError };
  return {
    disk,
    queue,
    open: (name) => openCluster(name, extensions, { ...parts, prefix: objectsKey(name) }),
  };
}

function creation(clusters: Map<string, Cluster>, { disk, queue, open }: Shared): Pick<Clusters, "create" | "remove"> {
  const opening = new Map<string, Promise<Cluster>>();
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
  };
}

async function storedVersion(disk: Disk): Promise<number> {
  for await (const [key, value] of disk.entries(versionKey)) if (key === versionKey) return Number(value);
  return 0;
}
