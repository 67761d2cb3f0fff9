import type { NewObject, ObjectStore, ResourceName } from "../types.js";
import {
  defaultClass,
  driver,
  drivers,
  isDefaultClass,
  metallbNamespace,
  namespaces,
  otherClass,
  snapshotClass,
  snapshotClasses,
  storageClasses,
} from "./names.js";

/** Makes what the operators of a cluster would install: the driver, its classes, the namespace of MetalLB. */
export async function seedCluster(store: ObjectStore): Promise<void> {
  const classOf = (name: string, reclaimPolicy: string, isDefault: boolean): NewObject => ({
    metadata: { name, annotations: { [isDefaultClass]: String(isDefault) } },
    provisioner: driver,
    reclaimPolicy,
    volumeBindingMode: "Immediate",
    allowVolumeExpansion: false,
  });
  await ensure(store, drivers, { metadata: { name: driver }, spec: { attachRequired: true, podInfoOnMount: false } });
  await ensure(store, storageClasses, classOf(defaultClass, "Delete", true));
  await ensure(store, storageClasses, classOf(otherClass, "Retain", false));
  await ensure(store, snapshotClasses, { metadata: { name: snapshotClass }, driver, deletionPolicy: "Delete" });
  await ensure(store, namespaces, { metadata: { name: metallbNamespace } });
}

async function ensure(store: ObjectStore, resource: ResourceName, object: NewObject): Promise<void> {
  const name = object.metadata.name ?? "";
  if (store.get({ ...resource, name }) === undefined) await store.create(resource, object);
}
