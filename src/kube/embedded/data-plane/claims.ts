import { createHash } from "node:crypto";
import { bytesOf } from "../../quantity.js";
import { asFields, asText } from "../fields.js";
import type { Fields, KubeObject, ObjectStore } from "../types.js";
import { giveClass } from "./admission.js";
import { claims, contents, driver, protections, snapshots, storageClasses, usedBytes, volumes } from "./names.js";
import { emptyBytes } from "./usage.js";
import { attachmentsOf, claimsInUse, withoutFinalizer } from "./uses.js";

/** Binds claims to volumes, making the volumes, and lets both go when nobody uses them any more. */
export async function settleClaims(store: ObjectStore): Promise<void> {
  const inUse = claimsInUse(store);
  for (const claim of store.list(claims)) await settleClaim(store, await completed(store, claim), inUse);
  for (const volume of store.list(volumes)) await settleVolume(store, volume);
}

/** Those that controllers make, such as of StatefulSets, come without what the admission gives to those of callers. */
async function completed(store: ObjectStore, claim: KubeObject): Promise<KubeObject> {
  const { name, namespace, deletionTimestamp, finalizers = [] } = claim.metadata;
  const isComplete = finalizers.includes(protections.claim) && claim.spec?.storageClassName !== undefined;
  if (deletionTimestamp !== undefined || isComplete) return claim;
  const complete = await store.modify({ ...claims, namespace, name }, (draft) => {
    if (draft.metadata.uid !== claim.metadata.uid) return;
    draft.metadata.finalizers = [...new Set([...(draft.metadata.finalizers ?? []), protections.claim])];
    giveClass(store, draft);
  });
  return complete ?? claim;
}

async function settleClaim(store: ObjectStore, claim: KubeObject, inUse: ReadonlySet<string>): Promise<void> {
  const { name, namespace, uid, deletionTimestamp } = claim.metadata;
  const ref = { ...claims, namespace, name };
  if (deletionTimestamp !== undefined) {
    if (!inUse.has(`${namespace}/${name}`)) await withoutFinalizer(store, ref, protections.claim);
    return;
  }
  if (claim.status?.phase === "Bound") return;
  const volume = existingVolume(store, claim) ?? (await provision(store, claim));
  if (volume === undefined) return;
  await store.modify({ ...volumes, name: volume.metadata.name }, (draft) => {
    draft.spec = { ...draft.spec, claimRef: claimRefOf(claim) };
    draft.status = { ...draft.status, phase: "Bound" };
  });
  await store.modify(ref, (draft) => {
    if (draft.metadata.uid !== uid) return;
    draft.spec = { ...draft.spec, volumeName: volume.metadata.name };
    draft.status = {
      phase: "Bound",
      accessModes: volume.spec?.accessModes,
      capacity: asFields(volume.spec?.capacity),
    };
  });
}

/** The volume that the claim names, if it may have it. */
function existingVolume(store: ObjectStore, claim: KubeObject): KubeObject | undefined {
  const name = asText(claim.spec?.volumeName) || volumeNameOf(claim);
  const volume = store.get({ ...volumes, name });
  const owner = asFields(volume?.spec?.claimRef);
  const free = owner.uid === undefined || owner.uid === claim.metadata.uid;
  return volume?.metadata.deletionTimestamp === undefined && free ? volume : undefined;
}

/** Makes the volume of a claim whose class is the simulator's; undefined while it has to wait. */
async function provision(store: ObjectStore, claim: KubeObject): Promise<KubeObject | undefined> {
  if (asText(claim.spec?.volumeName) !== "") return undefined;
  const storageClass = store.get({ ...storageClasses, name: asText(claim.spec?.storageClassName) });
  const storage = asText(asFields(asFields(claim.spec?.resources).requests).storage);
  const size = bytesOf(storage);
  if (storageClass?.provisioner !== driver || size === undefined) return undefined;
  const source = sourceOf(store, claim);
  if (source !== undefined && (source.restoreSize === undefined || source.restoreSize > size)) return undefined;
  const name = volumeNameOf(claim);
  return await store.create(volumes, {
    metadata: {
      name,
      finalizers: [protections.volume],
      annotations: {
        "pv.kubernetes.io/provisioned-by": driver,
        [usedBytes]: source?.usedBytes || String(emptyBytes),
      },
    },
    spec: {
      capacity: { storage },
      accessModes: claim.spec?.accessModes ?? ["ReadWriteOnce"],
      volumeMode: claim.spec?.volumeMode ?? "Filesystem",
      persistentVolumeReclaimPolicy: asText(storageClass.reclaimPolicy) || "Delete",
      storageClassName: storageClass.metadata.name,
      csi: { driver, volumeHandle: handleOf(name), fsType: "ext4" },
      claimRef: claimRefOf(claim),
    },
    status: { phase: "Bound" },
  });
}

interface Source {
  /** What a volume needs for it; undefined until it is ready. */
  readonly restoreSize: bigint | undefined;
  /** As its annotation says. */
  readonly usedBytes: string;
}

/** The snapshot that a claim is made from. */
function sourceOf(store: ObjectStore, claim: KubeObject): Source | undefined {
  const source = asFields(claim.spec?.dataSourceRef ?? claim.spec?.dataSource);
  if (source.kind !== "VolumeSnapshot") return undefined;
  const namespace = asText(source.namespace) || claim.metadata.namespace;
  const snapshot = store.get({ ...snapshots, namespace, name: asText(source.name) });
  const name = asText(snapshot?.status?.boundVolumeSnapshotContentName);
  const content = store.get({ ...contents, name });
  const ready = content?.status?.readyToUse === true;
  return {
    restoreSize: ready ? (bytesOf(content?.status?.restoreSize) ?? 0n) : undefined,
    usedBytes: asText(content?.metadata.annotations?.[usedBytes]),
  };
}

async function settleVolume(store: ObjectStore, volume: KubeObject): Promise<void> {
  const { name, deletionTimestamp } = volume.metadata;
  const ref = { ...volumes, name };
  const owner = asFields(volume.spec?.claimRef);
  const claim = store.get({ ...claims, namespace: asText(owner.namespace), name: asText(owner.name) });
  const bound = claim !== undefined && claim.metadata.uid === owner.uid;
  if (deletionTimestamp !== undefined) {
    if (!bound && attachmentsOf(store, name).length === 0) await withoutFinalizer(store, ref, protections.volume);
    return;
  }
  if (bound || owner.uid === undefined) return;
  if (volume.spec?.persistentVolumeReclaimPolicy === "Delete") await store.delete(ref);
  else if (volume.status?.phase !== "Released") {
    await store.modify(ref, (draft) => {
      draft.status = { ...draft.status, phase: "Released" };
    });
  }
}

const volumeNameOf = ({ metadata }: KubeObject): string => `pvc-${metadata.uid}`;

function claimRefOf({ metadata }: KubeObject): Fields {
  const { namespace, name, uid } = metadata;
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid };
}

/** A handle as storage systems give them: a uuid that is the volume's for good. */
export function handleOf(name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  const part = (from: number, to: number) => digest.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-8${part(17, 20)}-${part(20, 32)}`;
}
