/** How full a volume is, in bytes, and what its storage system tells beyond that. */
export interface VolumeFigures {
  /** Data written, before compression: what a filesystem has in use. */
  readonly usedBytes: number;
  readonly statistics?: VolumeStatisticsRecord;
}

/** The same of a snapshot. */
export interface SnapshotFigures {
  readonly usedBytes: number;
  readonly statistics?: SnapshotStatisticsRecord;
}

/** What a storage system reports of one volume; sizes in bytes. */
export interface VolumeStatisticsRecord {
  readonly logicalUsedStorage: number;
  readonly physicalUsedStorage: number;
  readonly compressionRatio: number;
  readonly totalCompressionRatio: number;
  readonly physicalCapacity: number;
  readonly physicalOwnedCapacity: number;
  readonly physicalOwnedMemory: number;
  readonly physicalMemory: number;
  readonly userWritten: number;
  readonly unrecoverableDataIntegrityErrors: number;
  readonly recoverableDataIntegrityErrors: number;
}

/** What a storage system reports of one snapshot; sizes in bytes. */
export interface SnapshotStatisticsRecord {
  readonly physicalCapacity: number;
  readonly physicalOwnedCapacity: number;
  readonly physicalOwnedMemory: number;
  readonly physicalMemory: number;
  readonly userWritten: number;
}
