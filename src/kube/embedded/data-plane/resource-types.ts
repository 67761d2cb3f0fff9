import type { ResourceType } from "../extension.js";
import { metallbGroup, snapshotGroup } from "./names.js";

/** What clusters serve beyond Kubernetes itself: the snapshots of external-snapshotter, the pools of MetalLB. */
export const dataPlaneResources: readonly ResourceType[] = [
  {
    group: snapshotGroup,
    version: "v1",
    resource: "volumesnapshots",
    kind: "VolumeSnapshot",
    namespaced: true,
    status: true,
    shortNames: ["vs"],
    columns: [
      { name: "ReadyToUse", type: "boolean", jsonPath: ".status.readyToUse" },
      { name: "SourcePVC", type: "string", jsonPath: ".spec.source.persistentVolumeClaimName" },
      { name: "RestoreSize", type: "string", jsonPath: ".status.restoreSize" },
      { name: "SnapshotClass", type: "string", jsonPath: ".spec.volumeSnapshotClassName" },
      { name: "SnapshotContent", type: "string", jsonPath: ".status.boundVolumeSnapshotContentName" },
    ],
  },
  {
    group: snapshotGroup,
    version: "v1",
    resource: "volumesnapshotcontents",
    kind: "VolumeSnapshotContent",
    namespaced: false,
    status: true,
    shortNames: ["vsc"],
    columns: [
      { name: "ReadyToUse", type: "boolean", jsonPath: ".status.readyToUse" },
      { name: "RestoreSize", type: "integer", jsonPath: ".status.restoreSize" },
      { name: "DeletionPolicy", type: "string", jsonPath: ".spec.deletionPolicy" },
      { name: "Driver", type: "string", jsonPath: ".spec.driver" },
      { name: "VolumeSnapshot", type: "string", jsonPath: ".spec.volumeSnapshotRef.name" },
    ],
  },
  {
    group: snapshotGroup,
    version: "v1",
    resource: "volumesnapshotclasses",
    kind: "VolumeSnapshotClass",
    namespaced: false,
    generation: false,
    shortNames: ["vsclass"],
    columns: [
      { name: "Driver", type: "string", jsonPath: ".driver" },
      { name: "DeletionPolicy", type: "string", jsonPath: ".deletionPolicy" },
    ],
  },
  {
    group: metallbGroup,
    version: "v1beta1",
    resource: "ipaddresspools",
    kind: "IPAddressPool",
    namespaced: true,
    status: true,
    columns: [
      { name: "Auto Assign", type: "boolean", jsonPath: ".spec.autoAssign" },
      { name: "Addresses", type: "string", jsonPath: ".spec.addresses" },
    ],
  },
  {
    group: metallbGroup,
    version: "v1beta1",
    resource: "l2advertisements",
    kind: "L2Advertisement",
    namespaced: true,
    columns: [{ name: "IPAddressPools", type: "string", jsonPath: ".spec.ipAddressPools" }],
  },
];
