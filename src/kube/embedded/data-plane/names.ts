import type { ResourceName } from "../types.js";

export const claims: ResourceName = { group: "", resource: "persistentvolumeclaims" };
export const volumes: ResourceName = { group: "", resource: "persistentvolumes" };
export const pods: ResourceName = { group: "", resource: "pods" };
export const nodes: ResourceName = { group: "", resource: "nodes" };
export const services: ResourceName = { group: "", resource: "services" };
export const namespaces: ResourceName = { group: "", resource: "namespaces" };
export const storageClasses: ResourceName = { group: "storage.k8s.io", resource: "storageclasses" };
export const drivers: ResourceName = { group: "storage.k8s.io", resource: "csidrivers" };
export const attachments: ResourceName = { group: "storage.k8s.io", resource: "volumeattachments" };

export const snapshotGroup = "snapshot.storage.k8s.io";
export const snapshots: ResourceName = { group: snapshotGroup, resource: "volumesnapshots" };
export const contents: ResourceName = { group: snapshotGroup, resource: "volumesnapshotcontents" };
export const snapshotClasses: ResourceName = { group: snapshotGroup, resource: "volumesnapshotclasses" };

export const metallbGroup = "metallb.io";
export const addressPools: ResourceName = { group: metallbGroup, resource: "ipaddresspools" };

/** The CSI driver that the simulator plays, and the classes that it brings. */
export const driver = "csi.simulator.slipway.dev";
export const defaultClass = "standard";
export const otherClass = "retained";
export const snapshotClass = "standard";

/** Annotation of volumes and snapshot contents: the bytes in use; change it to play a fuller or an emptier one. */
export const usedBytes = "simulator.slipway.dev/used-bytes";

/** Where MetalLB looks for its address pools. */
export const metallbNamespace = "metallb-system";

/** Finalizers that hold back what is in use. */
export const protections = {
  claim: "kubernetes.io/pvc-protection",
  volume: "kubernetes.io/pv-protection",
  snapshot: "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection",
  content: "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection",
} as const;

export const isDefaultClass = "storageclass.kubernetes.io/is-default-class";
