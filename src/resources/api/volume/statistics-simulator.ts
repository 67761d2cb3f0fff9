import { driver } from "../../../kube/embedded/data-plane/names.js";
import { sizeOf, usedOf, usedUpTo } from "../../../kube/embedded/data-plane/usage.js";
import { bytesOf } from "../../../kube/quantity.js";
import { eachOf } from "./inside.js";
import { type PersistentVolume, persistentVolumes, type SnapshotContent, snapshotContents } from "./kube-types.js";
import type { MeasuredSnapshot, MeasuredVolume, StorageAdapter } from "./statistics.js";

/** Of how many volumes and snapshots of one cluster figures are taken. */
const most = 20_000;

/** The storage that the embedded Kubernetes plays: it keeps one copy of everything and compresses nothing. */
export const simulatorStorage: StorageAdapter = {
  async measure(_, client, signal) {
    const volumes: MeasuredVolume[] = [];
    for await (const volume of eachOf<PersistentVolume>(client, persistentVolumes, signal)) {
      if (volume.spec?.csi?.driver === driver && volumes.length < most) volumes.push(volumeFigures(volume));
    }
    const snapshots: MeasuredSnapshot[] = [];
    for await (const content of eachOf<SnapshotContent>(client, snapshotContents, signal)) {
      if (content.spec?.driver === driver && snapshots.length < most) snapshots.push(snapshotFigures(content));
    }
    return { volumes, snapshots };
  },
};

function volumeFigures(volume: PersistentVolume): MeasuredVolume {
  const [size, usedBytes] = [sizeOf(volume), usedOf(volume)];
  const statistics = {
    logicalUsedStorage: usedBytes,
    physicalUsedStorage: usedBytes,
    compressionRatio: 1,
    totalCompressionRatio: usedBytes === 0 ? 1 : size / usedBytes,
    physicalCapacity: usedBytes,
    physicalOwnedCapacity: usedBytes,
    physicalOwnedMemory: 0,
    physicalMemory: 0,
    userWritten: usedBytes,
    unrecoverableDataIntegrityErrors: 0,
    recoverableDataIntegrityErrors: 0,
  };
  return { handle: volume.spec?.csi?.volumeHandle ?? "", figures: { usedBytes, statistics } };
}

function snapshotFigures(content: SnapshotContent): MeasuredSnapshot {
  const usedBytes = usedUpTo(Number(bytesOf(content.status?.restoreSize) ?? 0n), content);
  const statistics = {
    physicalCapacity: usedBytes,
    physicalOwnedCapacity: usedBytes,
    physicalOwnedMemory: 0,
    physicalMemory: 0,
    userWritten: usedBytes,
  };
  return { content: content.metadata.name, figures: { usedBytes, statistics } };
}
