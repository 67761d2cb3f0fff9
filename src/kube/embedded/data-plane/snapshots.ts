import { bytesOf } from "../../quantity.js";
import { asFields, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { handleOf } from "./claims.js";
import {
  claims,
  contents,
  driver,
  protections,
  snapshotClass,
  snapshotClasses,
  snapshots,
  usedBytes,
  volumes,
} from "./names.js";
import { usedOf } from "./usage.js";
import { withoutFinalizer } from "./uses.js";

/** Takes snapshots of bound claims, and removes what was taken with the snapshot. */
export async function settleSnapshots(store: ObjectStore, now: Date): Promise<void> {
  for (const snapshot of store.list(snapshots)) {
    if (snapshot.metadata.deletionTimestamp !== undefined) await release(store, snapshot);
    else if (snapshot.status?.readyToUse !== true) await take(store, snapshot, now);
  }
  for (const { metadata, spec } of store.list(contents)) {
    const ref = asFields(spec?.volumeSnapshotRef);
    const owner = store.get({ ...snapshots, namespace: asText(ref.namespace), name: asText(ref.name) });
    if (metadata.deletionTimestamp === undefined || owner?.metadata.uid === ref.uid) continue;
    await withoutFinalizer(store, { ...contents, name: metadata.name }, protections.content);
  }
}

async function take(store: ObjectStore, snapshot: KubeObject, now: Date): Promise<void> {
  const { name, namespace, uid } = snapshot.metadata;
  const className = asText(snapshot.spec?.volumeSnapshotClassName) || snapshotClass;
  const chosen = store.get({ ...snapshotClasses, name: className });
  const source = asText(asFields(snapshot.spec?.source).persistentVolumeClaimName);
  const claim = store.get({ ...claims, namespace, name: source });
  const volume = store.get({ ...volumes, name: asText(claim?.spec?.volumeName) });
  const { storage } = asFields(volume?.spec?.capacity);
  if (chosen?.driver !== driver || volume === undefined) return;
  const content = `snapcontent-${uid}`;
  if (store.get({ ...contents, name: content }) === undefined) {
    await store.create(contents, {
      metadata: {
        name: content,
        finalizers: [protections.content],
        annotations: { [usedBytes]: String(usedOf(volume)) },
      },
      spec: {
        driver,
        deletionPolicy: asText(chosen.deletionPolicy) || "Delete",
        source: { volumeHandle: asText(asFields(volume.spec?.csi).volumeHandle) },
        volumeSnapshotClassName: className,
        volumeSnapshotRef: { apiVersion: snapshot.apiVersion, kind: "VolumeSnapshot", name, namespace, uid },
      },
      status: {
        creationTime: now.getTime() * 1_000_000,
        readyToUse: true,
        restoreSize: Number(bytesOf(storage) ?? 0n),
        snapshotHandle: handleOf(content),
      },
    });
  }
  await store.modify({ ...snapshots, namespace, name }, (draft) => {
    draft.status = {
      boundVolumeSnapshotContentName: content,
      creationTime: timestamp(now),
      readyToUse: true,
      restoreSize: asText(storage),
    };
  });
}

async function release(store: ObjectStore, snapshot: KubeObject): Promise<void> {
  const { name, namespace } = snapshot.metadata;
  const content = asText(snapshot.status?.boundVolumeSnapshotContentName);
  await withoutFinalizer(store, { ...snapshots, namespace, name }, protections.snapshot);
  const taken = store.get({ ...contents, name: content });
  if (taken?.spec?.deletionPolicy === "Delete") await store.delete({ ...contents, name: content });
}
