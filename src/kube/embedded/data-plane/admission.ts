import type { AdmissionRequest } from "../extension.js";
import { asText } from "../fields.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { isDefaultClass, protections, snapshotGroup, storageClasses } from "./names.js";

const finalizers: Readonly<Record<string, string>> = {
  "/persistentvolumeclaims": protections.claim,
  "/persistentvolumes": protections.volume,
  [`${snapshotGroup}/volumesnapshots`]: protections.snapshot,
  [`${snapshotGroup}/volumesnapshotcontents`]: protections.content,
};

/** What the admission of a cluster with storage adds to new objects: protection, and the default storage class. */
export function dataPlaneAdmission({ operation, subresource, type, object, store }: AdmissionRequest): void {
  if (operation !== "create" || subresource !== "") return;
  const kind = `${type.group}/${type.resource}`;
  const finalizer = finalizers[kind];
  if (finalizer !== undefined) {
    object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), finalizer])];
  }
  if (kind === "/persistentvolumeclaims") giveClass(store, object);
}

/** Gives a claim that names no storage class the default one, if there is one. */
export function giveClass(store: ObjectStore, claim: KubeObject): void {
  if (claim.spec?.storageClassName === undefined) claim.spec = { ...claim.spec, ...defaultClassOf(store) };
}

function defaultClassOf(store: ObjectStore): { storageClassName?: string } {
  const found = store
    .list(storageClasses)
    .find(({ metadata }) => asText(metadata.annotations?.[isDefaultClass]) === "true");
  return found === undefined ? {} : { storageClassName: found.metadata.name };
}
