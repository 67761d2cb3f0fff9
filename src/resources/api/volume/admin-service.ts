import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { v5 } from "uuid";
import { type StorageClusterInfoSchema, StorageService } from "../../../../gen/ts/admin/v1/storage_pb.js";
import type { Platform } from "../../../platform.js";
import { type StorageSums, storageSums } from "./admin-store.js";
import { snapshotMessage, volumeMessage } from "./messages.js";
import { snapshotStore, volumeStore } from "./store.js";

/** The ids of storage clusters are derived from those of their partitions under this one. */
const idsOfPartitions = "6f3c1c0e-2d0b-4a52-9a7e-5b0f7f1f9d64";

/** admin.v1.StorageService: the volumes and snapshots of all projects, for operators. */
export function registerAdminStorage(router: ConnectRouter, { db, partitions }: Platform): void {
  router.service(StorageService, {
    async clusterInfo({ partition }) {
      const sums = new Map((await storageSums(db, partition)).map((one) => [one.partition, one]));
      // Those that are configured, and those of before whose volumes are still known.
      const ids = [...new Set([...partitions.keys(), ...sums.keys()])].sort();
      const asked = ids.filter((id) => partition === undefined || id === partition);
      return { infos: asked.map((id) => infoOf(id, sums.get(id))) };
    },
    async listVolumes({ uuid, ...filter }) {
      return { volumes: (await volumeStore.list(db, { ...filter, id: uuid })).map(volumeMessage) };
    },
    async listSnapshots({ uuid, ...filter }) {
      return { snapshots: (await snapshotStore.list(db, { ...filter, id: uuid })).map(snapshotMessage) };
    },
  });
}

/** What is known of a partition's storage; what nobody reports, such as its servers, stays empty. */
function infoOf(partition: string, sums: StorageSums | undefined): MessageInitShape<typeof StorageClusterInfoSchema> {
  return {
    partition,
    uuid: v5(partition, idsOfPartitions),
    statistics: { logicalStorage: sums?.size ?? 0n, logicalUsedStorage: sums?.used ?? 0n },
    health: { state: (sums?.failed ?? 0) > 0 ? "Degraded" : "OK", numNotAvailableVolumes: sums?.notAvailable ?? 0 },
  };
}
