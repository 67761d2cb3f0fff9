import type { KubeClient } from "../../../kube/client.js";
import type { ClusterRef } from "../cluster/kube.js";
import type { SnapshotFigures, VolumeFigures } from "./storage.js";

/** Says how full the volumes and snapshots of clusters are. */
export interface StorageAdapter {
  /**
   * Measures one cluster by a client inside of it. What is not reported is left out. Throws KubeError, or the
   * signal's reason.
   */
  measure(cluster: ClusterRef, client: KubeClient, signal: AbortSignal): Promise<Measured>;
}

/** What was measured in one cluster. */
export interface Measured {
  readonly volumes: readonly MeasuredVolume[];
  readonly snapshots: readonly MeasuredSnapshot[];
}

/** A volume by its handle, or by the claim that is bound to it. */
export type MeasuredVolume = { readonly figures: VolumeFigures } & (
  | { readonly handle: string }
  | { readonly namespace: string; readonly claim: string }
);

/** A snapshot by the name of its VolumeSnapshotContent. */
export interface MeasuredSnapshot {
  readonly content: string;
  readonly figures: SnapshotFigures;
}
