import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { notFound } from "../../../kube/errors.js";
import type { KubeObject, ResourceType } from "../../../kube/objects.js";
import {
  type Attachment,
  attachments,
  type Claim,
  claims,
  type PersistentVolume,
  persistentVolumes,
  type SnapshotContent,
  snapshotContents,
  type VolumeSnapshot,
  volumeSnapshots,
} from "./kube-types.js";
import { idOf } from "./observe.js";
import type { SnapshotRow, VolumeRow } from "./store.js";

const pageSize = 500;

/** Sets and removes labels of a volume in its cluster; answers those that it has then. */
export async function patchLabels(
  client: KubeClient,
  volume: VolumeRow,
  patch: Readonly<Record<string, string | null>>,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const place = { name: volume.persistentVolume };
  const body = { metadata: { labels: patch } };
  const changed = await client.mergePatch<PersistentVolume>(persistentVolumes, place, body, { signal });
  return changed.metadata.labels ?? {};
}

/**
 * Deletes a volume in its cluster with its claim and what it stores, whatever its reclaim policy. Refuses while
 * it is attached. Kubernetes holds it until its finalizers are gone. Idempotent.
 */
export async function removeVolume(client: KubeClient, row: VolumeRow, signal: AbortSignal): Promise<void> {
  const volume = await find<PersistentVolume>(client, persistentVolumes, { name: row.persistentVolume }, signal);
  // Another volume may have come under that name.
  if (volume === undefined || idOf(volume.spec?.csi?.volumeHandle ?? "", volume.metadata.uid) !== row.id) return;
  const attached = await all<Attachment>(client, attachments, signal);
  if (attached.some(({ spec }) => spec?.source?.persistentVolumeName === volume.metadata.name)) {
    throw new DomainError("precondition", `volume ${row.name} is attached to a node: stop what uses it first`);
  }
  if (volume.spec?.persistentVolumeReclaimPolicy !== "Delete") {
    const patch = { spec: { persistentVolumeReclaimPolicy: "Delete" } };
    await client.mergePatch(persistentVolumes, { name: volume.metadata.name }, patch, { signal });
  }
  const { namespace, name, uid } = volume.spec?.claimRef ?? {};
  // A claim that is only meant, without a uid, may be bound to another volume.
  if (namespace !== undefined && name !== undefined && uid !== undefined) {
    await remove(client, claims, { namespace, name }, uid, signal);
  }
  await remove(client, persistentVolumes, { name: volume.metadata.name }, volume.metadata.uid, signal);
}

/** Deletes a snapshot in its cluster with what it stores. Refuses while a claim is being restored from it. Idempotent. */
export async function removeSnapshot(client: KubeClient, row: SnapshotRow, signal: AbortSignal): Promise<void> {
  const content = await find<SnapshotContent>(client, snapshotContents, { name: row.content }, signal);
  if (content === undefined || idOf(content.status?.snapshotHandle ?? "", content.metadata.uid) !== row.id) return;
  const waiting = (await all<Claim>(client, claims, signal)).filter(({ status }) => status?.phase !== "Bound");
  if (waiting.some((claim) => isRestoredFrom(claim, row))) {
    throw new DomainError("precondition", `a volume is being restored from snapshot ${row.name}: wait until it is`);
  }
  if (content.spec?.deletionPolicy !== "Delete") {
    const patch = { spec: { deletionPolicy: "Delete" } };
    await client.mergePatch(snapshotContents, { name: row.content }, patch, { signal });
  }
  const { namespace, name, uid } = content.spec?.volumeSnapshotRef ?? {};
  if (namespace !== undefined && name !== undefined) {
    const place = { namespace, name };
    const snapshot = await find<VolumeSnapshot>(client, volumeSnapshots, place, signal);
    if (snapshot?.metadata.uid === uid) await remove(client, volumeSnapshots, place, uid, signal);
  }
  await remove(client, snapshotContents, { name: row.content }, content.metadata.uid, signal);
}

function isRestoredFrom({ metadata, spec }: Claim, { namespace, name }: SnapshotRow): boolean {
  const source = spec?.dataSourceRef ?? spec?.dataSource;
  const inNamespace = spec?.dataSourceRef?.namespace ?? metadata.namespace;
  return source?.kind === "VolumeSnapshot" && source.name === name && inNamespace === namespace;
}

interface Place {
  readonly name: string;
  readonly namespace?: string;
}

async function find<T extends KubeObject>(client: KubeClient, type: ResourceType, place: Place, signal: AbortSignal) {
  try {
    return await client.get<T>(type, place, { signal });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

async function remove(
  client: KubeClient,
  type: ResourceType,
  place: Place,
  uid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.delete(type, place, { signal, uid });
  } catch (error) {
    if (!notFound(error)) throw error;
  }
}

/** All objects of a type in a cluster. */
export async function all<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  signal: AbortSignal,
): Promise<T[]> {
  const items: T[] = [];
  let next: string | undefined;
  do {
    const page = await client.list<T>(type, { signal, limit: pageSize, continue: next });
    items.push(...page.items);
    next = page.continue;
  } while (next !== undefined);
  return items;
}
