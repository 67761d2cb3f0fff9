import { column } from "../columns.js";
import type { ResourceType } from "../extension.js";
import { metallbGroup, snapshotGroup } from "./names.js";

const snapshots = { group: snapshotGroup, version: "v1" };
const metallb = { group: metallbGroup, version: "v1beta1" };

/** What clusters serve beyond Kubernetes itself: the snapshots of external-snapshotter, the pools of MetalLB. */
export const dataPlaneResources: readonly ResourceType[] = [
  {
    ...snapshots,
    resource: "volumesnapshots",
    kind: "VolumeSnapshot",
    namespaced: true,
    status: true,
    shortNames: ["vs"],
    columns: [
      column("ReadyToUse", ".status.readyToUse", "boolean"),
      column("SourcePVC", ".spec.source.persistentVolumeClaimName"),
      column("RestoreSize", ".status.restoreSize"),
      column("SnapshotClass", ".spec.volumeSnapshotClassName"),
      column("SnapshotContent", ".status.boundVolumeSnapshotContentName"),
    ],
  },
  {
    ...snapshots,
    resource: "volumesnapshotcontents",
    kind: "VolumeSnapshotContent",
    namespaced: false,
    status: true,
    shortNames: ["vsc"],
    columns: [
      column("ReadyToUse", ".status.readyToUse", "boolean"),
      column("RestoreSize", ".status.restoreSize", "integer"),
      column("DeletionPolicy", ".spec.deletionPolicy"),
      column("Driver", ".spec.driver"),
      column("VolumeSnapshot", ".spec.volumeSnapshotRef.name"),
    ],
  },
  {
    ...snapshots,
    resource: "volumesnapshotclasses",
    kind: "VolumeSnapshotClass",
    namespaced: false,
    generation: false,
    shortNames: ["vsclass"],
    columns: [column("Driver", ".driver"), column("DeletionPolicy", ".deletionPolicy")],
  },
  {
    ...metallb,
    resource: "ipaddresspools",
    kind: "IPAddressPool",
    namespaced: true,
    status: true,
    columns: [column("Auto Assign", ".spec.autoAssign", "boolean"), column("Addresses", ".spec.addresses")],
  },
  {
    ...metallb,
    resource: "l2advertisements",
    kind: "L2Advertisement",
    namespaced: true,
    columns: [column("IPAddressPools", ".spec.ipAddressPools")],
  },
];
