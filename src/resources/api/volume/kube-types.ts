import type { KubeObject, ResourceType } from "../../../kube/objects.js";

const core = { group: "", version: "v1" };
const storage = { group: "storage.k8s.io", version: "v1" };
const snapshot = { group: "snapshot.storage.k8s.io", version: "v1" };

export const persistentVolumes: ResourceType = { ...core, plural: "persistentvolumes", kind: "PersistentVolume" };
export const claims: ResourceType = { ...core, plural: "persistentvolumeclaims", kind: "PersistentVolumeClaim" };
export const attachments: ResourceType = { ...storage, plural: "volumeattachments", kind: "VolumeAttachment" };
export const volumeSnapshots: ResourceType = { ...snapshot, plural: "volumesnapshots", kind: "VolumeSnapshot" };
export const snapshotContents: ResourceType = {
  ...snapshot,
  plural: "volumesnapshotcontents",
  kind: "VolumeSnapshotContent",
};

/** A PersistentVolume, as far as it is read here. */
export interface PersistentVolume extends KubeObject {
  spec?: {
    capacity?: { storage?: string };
    storageClassName?: string;
    persistentVolumeReclaimPolicy?: string;
    claimRef?: { namespace?: string; name?: string; uid?: string };
    csi?: { driver?: string; volumeHandle?: string };
  };
  status?: { phase?: string };
}

/** A PersistentVolumeClaim. */
export interface Claim extends KubeObject {
  spec?: {
    volumeName?: string;
    dataSource?: SnapshotSource;
    dataSourceRef?: SnapshotSource & { namespace?: string };
  };
  status?: { phase?: string };
}

interface SnapshotSource {
  kind?: string;
  name?: string;
}

/** A VolumeAttachment. */
export interface Attachment extends KubeObject {
  spec?: { nodeName?: string; source?: { persistentVolumeName?: string } };
  status?: { attached?: boolean };
}

/** A VolumeSnapshot. */
export interface VolumeSnapshot extends KubeObject {
  spec?: { source?: { persistentVolumeClaimName?: string }; volumeSnapshotClassName?: string };
  status?: {
    boundVolumeSnapshotContentName?: string;
    creationTime?: string;
    readyToUse?: boolean;
    restoreSize?: string;
    error?: { message?: string };
  };
}

/** A VolumeSnapshotContent. */
export interface SnapshotContent extends KubeObject {
  spec?: {
    driver?: string;
    deletionPolicy?: string;
    volumeSnapshotClassName?: string;
    source?: { volumeHandle?: string; snapshotHandle?: string };
    volumeSnapshotRef?: { namespace?: string; name?: string; uid?: string };
  };
  status?: {
    snapshotHandle?: string;
    /** Nanoseconds since 1970. */
    creationTime?: number;
    readyToUse?: boolean;
    /** Bytes; whoever may write the status may write anything. */
    restoreSize?: number | string;
    error?: { message?: string };
  };
}

/** A Node. */
export interface Node extends KubeObject {
  status?: { addresses?: { type: string; address: string }[] };
}
