import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { SnapshotSchema, VolumeSchema } from "../../../../gen/ts/api/v1/volume_pb.js";
import type { SnapshotFigures, SnapshotStatisticsRecord, VolumeFigures, VolumeStatisticsRecord } from "./storage.js";
import type { SnapshotRow, VolumeRow } from "./store.js";

/** A volume as the API shows it. */
export function volumeMessage(row: VolumeRow): MessageInitShape<typeof VolumeSchema> {
  return {
    uuid: row.id,
    name: row.name,
    project: row.project,
    partition: row.partition,
    storageClass: row.storageClass,
    size: row.size,
    state: row.state,
    attachedTo: [...row.attachedTo],
    sourceSnapshotUuid: row.sourceSnapshot ?? "",
    sourceSnapshotName: row.sourceSnapshotName ?? "",
    volumeHandle: row.volumeHandle,
    nodeIps: [...row.nodeIps],
    replicaCount: row.replicaCount,
    clusterName: row.clusterName,
    clusterId: row.cluster,
    labels: Object.entries(row.labels).map(([key, value]) => ({ key, value })),
    ...volumeFigures(row.statistics),
  };
}

function volumeFigures(figures: VolumeFigures | null) {
  if (figures === null) return {};
  const usage = BigInt(figures.usedBytes);
  const { statistics } = figures;
  return {
    usage,
    logicalUsedStorage: usage,
    ...(statistics === undefined ? {} : { statistics: volumeStatistics(statistics) }),
  };
}

function volumeStatistics(record: VolumeStatisticsRecord) {
  const { compressionRatio, totalCompressionRatio } = record;
  return {
    compressionRatio,
    totalCompressionRatio,
    logicalUsedStorage: BigInt(record.logicalUsedStorage),
    physicalUsedStorage: BigInt(record.physicalUsedStorage),
    physicalCapacity: BigInt(record.physicalCapacity),
    physicalOwnedCapacity: BigInt(record.physicalOwnedCapacity),
    physicalOwnedMemory: BigInt(record.physicalOwnedMemory),
    physicalMemory: BigInt(record.physicalMemory),
    userWritten: BigInt(record.userWritten),
    unrecoverableDataIntegrityErrors: record.unrecoverableDataIntegrityErrors,
    recoverableDataIntegrityErrors: record.recoverableDataIntegrityErrors,
  };
}

/** A snapshot as the API shows it. */
export function snapshotMessage(row: SnapshotRow): MessageInitShape<typeof SnapshotSchema> {
  return {
    uuid: row.id,
    name: row.name,
    description: row.description,
    project: row.project,
    partition: row.partition,
    storageClass: row.storageClass,
    size: row.size,
    state: row.state,
    sourceVolumeUuid: row.sourceVolume ?? "",
    sourceVolumeName: row.sourceVolumeName ?? "",
    replicaCount: row.replicaCount,
    createdAt: timestampFromDate(row.createdAt),
    ...(row.retentionSeconds === null ? {} : { retention: { seconds: BigInt(row.retentionSeconds) } }),
    ...snapshotFigures(row.statistics),
  };
}

function snapshotFigures(figures: SnapshotFigures | null) {
  if (figures === null) return {};
  const { usedBytes, statistics } = figures;
  return {
    usage: BigInt(usedBytes),
    ...(statistics === undefined ? {} : { statistics: snapshotStatistics(statistics) }),
  };
}

function snapshotStatistics(record: SnapshotStatisticsRecord) {
  return {
    physicalCapacity: BigInt(record.physicalCapacity),
    physicalOwnedCapacity: BigInt(record.physicalOwnedCapacity),
    physicalOwnedMemory: BigInt(record.physicalOwnedMemory),
    physicalMemory: BigInt(record.physicalMemory),
    userWritten: BigInt(record.userWritten),
  };
}
