import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  SnapshotService,
  VolumeService,
  VolumeServiceListResponseSchema,
  type VolumeServiceUpdateRequest,
} from "../../../../gen/ts/api/v1/volume_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { startDeadline } from "../../../kube/deadline.js";
import { pause } from "../../../pause.js";
import type { Platform } from "../../../platform.js";
import { clusterBackends } from "../cluster/backends.js";
import { insideError, withinCluster } from "../cluster/inside/within.js";
import { clusterStore } from "../cluster/store.js";
import { patchLabels, removeSnapshot, removeVolume } from "./inside.js";
import { snapshotMessage, volumeMessage } from "./messages.js";
import { labelPatch } from "./rules.js";
import { encodedList } from "./storage-encoding.js";
import { type SnapshotRow, snapshotStore, type VolumeRow, volumeStore } from "./store.js";

/** How long a change inside of a cluster may take. */
const deadlineMs = 15_000;
/** How long an update waits at most until it has been read back, and how often it looks. */
const seenMs = 3_000;
const lookMs = 50;

/** Does something inside of a cluster, within the deadline and the call. */
type Within = <R>(
  cluster: string,
  context: HandlerContext,
  work: (client: KubeClient, signal: AbortSignal) => Promise<R>,
) => Promise<R>;

const encodedVolumes = encodedList(VolumeServiceListResponseSchema);

/** api.v1.VolumeService: the volumes of a project's clusters. */
export function registerVolume(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const within = withinOf(platform);
  router.service(VolumeService, {
    async get({ project, uuid }) {
      return { volume: volumeMessage(foundVolume(await volumeStore.get(db, project, uuid), uuid)) };
    },
    async list({ project, uuid, partition, name }, { requestHeader }) {
      const volumes = (await volumeStore.list(db, { project, id: uuid, partition, name })).map(volumeMessage);
      // Spelled with any case, and perhaps with a charset.
      return /\bjson\b/i.test(requestHeader.get("content-type") ?? "json") ? { volumes } : encodedVolumes(volumes);
    },
    update: async (request, context) => ({
      volume: volumeMessage(await updateLabels(platform, within, request, context)),
    }),
    async delete({ project, uuid }, context) {
      const row = foundVolume(await volumeStore.get(db, project, uuid), uuid);
      await within(row.cluster, context, (client, signal) => removeVolume(client, row, signal));
      return { volume: volumeMessage(row) };
    },
  });
}

/** api.v1.SnapshotService: the snapshots of a project's volumes. */
export function registerSnapshot(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const within = withinOf(platform);
  router.service(SnapshotService, {
    async get({ project, uuid }) {
      return { snapshot: snapshotMessage(foundSnapshot(await snapshotStore.get(db, project, uuid), uuid)) };
    },
    async list({ project, uuid, partition, name }) {
      return { snapshots: (await snapshotStore.list(db, { project, id: uuid, partition, name })).map(snapshotMessage) };
    },
    async delete({ project, uuid }, context) {
      const row = foundSnapshot(await snapshotStore.get(db, project, uuid), uuid);
      await within(row.cluster, context, (client, signal) => removeSnapshot(client, row, signal));
      return { snapshot: snapshotMessage(row) };
    },
  });
}

async function updateLabels(
  { db }: Platform,
  within: Within,
  request: VolumeServiceUpdateRequest,
  context: HandlerContext,
): Promise<VolumeRow> {
  const { project, uuid, labels } = request;
  if (labels === undefined) throw invalidField("labels", "is required: nothing else can be changed");
  const patch = labelPatch(labels);
  const row = foundVolume(await volumeStore.get(db, project, uuid), uuid);
  const has = await within(row.cluster, context, (client, signal) => patchLabels(client, row, patch, signal));
  // Only the reader of the cluster writes labels, in the order of their changes; who lists them next shall see them.
  for (const end = performance.now() + seenMs; performance.now() < end && !context.signal.aborted; ) {
    if (await volumeStore.hasLabels(db, row.id, patch)) break;
    await pause(lookMs, context.signal);
  }
  return { ...row, labels: has };
}

function withinOf(platform: Platform): Within {
  const backends = clusterBackends(platform);
  const { db, log } = platform;
  return async (id, context, work) => {
    const [cluster] = await clusterStore.byIds(db, [id]);
    if (cluster === undefined) throw new DomainError("missing", `cluster ${id} does not exist`);
    const deadline = startDeadline(deadlineMs, context.signal);
    const { signal } = deadline;
    try {
      const backend = backends.of(cluster.partition);
      return await withinCluster(backend, cluster, { signal, log }, (client) => work(client, signal));
    } catch (error) {
      throw insideError(deadline.explain(error));
    } finally {
      deadline.stop();
    }
  };
}

function foundVolume(row: VolumeRow | undefined, uuid: string): VolumeRow {
  if (row === undefined) throw new DomainError("missing", `volume ${uuid} does not exist`);
  return row;
}

function foundSnapshot(row: SnapshotRow | undefined, uuid: string): SnapshotRow {
  if (row === undefined) throw new DomainError("missing", `snapshot ${uuid} does not exist`);
  return row;
}
