import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { KubeError, notFound } from "../../../kube/errors.js";
import type { KubeList, KubeObject, ResourceType } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
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
import { pickVolume } from "./picks.js";
import type { SnapshotRow, VolumeRow } from "./store.js";

const pageSize = 500;
/** Of one page: objects of usual size fit into it many times. */
const maxBytes = 16 * 1024 * 1024;

/** Sets and removes labels of a volume in its cluster; answers those that it has then. */
export async function patchLabels(
  client: KubeClient,
  row: VolumeRow,
  patch: Readonly<Record<string, string | null>>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const volume = await findVolume(client, row, signal);
  if (volume === undefined) {
    throw new DomainError("precondition", "the cluster does not have it any more: list again");
  }
  const { name, uid } = volume.metadata;
  const body = { metadata: { uid, labels: patch } };
  const changed = await client.mergePatch<PersistentVolume>(persistentVolumes, { name }, body, { signal });
  return pickVolume(changed).metadata.labels ?? {};
}

/**
 * Deletes a volume in its cluster with its claim and what it stores, whatever its reclaim policy. Refuses while
 * it is in use. Kubernetes holds it until its finalizers are gone. Idempotent.
 */
export async function removeVolume(client: KubeClient, row: VolumeRow, signal: AbortSignal): Promise<void> {
  const volume = await findVolume(client, row, signal);
  if (volume === undefined) return;
  await refuseInUse(client, row, volume, signal);
  const { name: persistentVolume, uid: volumeUid } = volume.metadata;
  if (volume.spec?.persistentVolumeReclaimPolicy !== "Delete") {
    const patch = { metadata: { uid: volumeUid }, spec: { persistentVolumeReclaimPolicy: "Delete" } };
    await client.mergePatch(persistentVolumes, { name: persistentVolume }, patch, { signal });
  }
  const { namespace, name, uid } = volume.spec?.claimRef ?? {};
  // A claim that is only meant, without a uid, may be bound to another volume.
  if (namespace !== undefined && name !== undefined && uid !== undefined) {
    await remove(client, claims, { namespace, name }, uid, signal);
  }
  await remove(client, persistentVolumes, { name: persistentVolume }, volumeUid, signal);
}

/** The cluster is asked, and not what was seen of it: that may be a moment old. */
async function refuseInUse(
  client: KubeClient,
  { name }: VolumeRow,
  { metadata, spec }: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const isAttached = (one: Attachment): boolean => one.spec?.source?.persistentVolumeName === metadata.name;
  if (await hasAny(client, attachments, isAttached, signal)) {
    throw new DomainError("precondition", `volume ${name} is attached to a node: stop what uses it first`);
  }
  const handle = spec?.csi?.volumeHandle;
  const isTaken = ({ spec: of, status }: SnapshotContent): boolean =>
    of?.source?.volumeHandle === handle && status?.readyToUse !== true && status?.error === undefined;
  if (handle !== undefined && (await hasAny(client, snapshotContents, isTaken, signal))) {
    throw new DomainError("precondition", `a snapshot is being taken of volume ${name}: wait until it is`);
  }
  const source = { ...spec?.claimRef, kind: claims.kind };
  if (await hasAny(client, claims, (claim) => isBeingMadeFrom(claim, source), signal)) {
    throw new DomainError("precondition", `a volume is being made from volume ${name}: wait until it is`);
  }
}

/** Deletes a snapshot in its cluster with what it stores. Refuses while a claim is being restored from it. Idempotent. */
export async function removeSnapshot(client: KubeClient, row: SnapshotRow, signal: AbortSignal): Promise<void> {
  const content = await find<SnapshotContent>(client, snapshotContents, { name: row.content }, signal);
  if (content === undefined || idOf(content.status?.snapshotHandle ?? "", content.metadata.uid) !== row.id) return;
  const source = { ...row, kind: volumeSnapshots.kind };
  if (await hasAny(client, claims, (claim) => isBeingMadeFrom(claim, source), signal)) {
    throw new DomainError("precondition", `a volume is being restored from snapshot ${row.name}: wait until it is`);
  }
  if (content.spec?.deletionPolicy !== "Delete") {
    const patch = { metadata: { uid: content.metadata.uid }, spec: { deletionPolicy: "Delete" } };
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

interface Source {
  readonly kind: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Whether a claim still waits for what it is made from. */
function isBeingMadeFrom({ metadata, spec, status }: Claim, { kind, namespace, name }: Source): boolean {
  const source = spec?.dataSourceRef ?? spec?.dataSource;
  const inNamespace = spec?.dataSourceRef?.namespace ?? metadata.namespace;
  return status?.phase !== "Bound" && source?.kind === kind && source.name === name && inNamespace === namespace;
}

/** The volume that a row is about: another one may have come under its name. */
async function findVolume(client: KubeClient, row: VolumeRow, signal: AbortSignal) {
  const volume = await find<PersistentVolume>(client, persistentVolumes, { name: row.persistentVolume }, signal);
  return idOf(volume?.spec?.csi?.volumeHandle ?? "", volume?.metadata.uid) === row.id ? volume : undefined;
}

interface Place {
  readonly name: string;
  readonly namespace?: string;
}

async function find<T extends KubeObject>(client: KubeClient, type: ResourceType, place: Place, signal: AbortSignal) {
  try {
    return whole(await client.get<T>(type, place, { signal }));
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

/**
 * The objects of a type in a cluster. A cluster is its tenant's, and may have any number: one page is kept at a time.
 * Of a type that the cluster does not serve there are none.
 */
export async function* eachOf<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  let next: string | undefined;
  do {
    const page = await client.list<T>(type, { signal, limit: pageSize, maxBytes, continue: next }).catch(noneOf<T>);
    for (const item of page.items) yield whole(item);
    next = page.continue;
  } while (next !== undefined);
}

function noneOf<T extends KubeObject>(error: unknown): Pick<KubeList<T>, "items" | "continue"> {
  if (!notFound(error)) throw error;
  return { items: [], continue: undefined };
}

async function hasAny<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  is: (object: T) => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const object of eachOf<T>(client, type, signal)) if (is(object)) return true;
  return false;
}

/** An object as far as the client has to rely on it. */
function whole<T extends KubeObject>(object: T): T {
  if (isRecord(object) && isRecord(object.metadata)) return object;
  throw new KubeError("malformed", "an object has no metadata");
}
