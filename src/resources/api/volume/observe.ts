import { nodes } from "../../../kube/objects.js";
import { bytesOf } from "../../../kube/quantity.js";
import type { InsideObjects } from "../cluster/inside/reader.js";
import { isUuid } from "../uuid.js";
import {
  type Attachment,
  attachments,
  type Claim,
  claims,
  type Node,
  type PersistentVolume,
  persistentVolumes,
  type SnapshotContent,
  snapshotContents,
  type VolumeSnapshot,
  volumeSnapshots,
} from "./kube-types.js";

/** A volume as a cluster reports it; sizes in bytes, in decimal, times in RFC 3339. */
export interface VolumeRecord {
  readonly id: string;
  readonly persistent_volume: string;
  readonly name: string;
  readonly claim_namespace: string | null;
  readonly claim_name: string | null;
  readonly storage_class: string;
  readonly size: string;
  readonly state: string;
  readonly volume_handle: string;
  readonly attached_to: readonly string[];
  readonly node_ips: readonly string[];
  readonly source_snapshot: string | null;
  readonly source_snapshot_name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly created_at: string;
}

/** A snapshot as a cluster reports it; likewise. */
export interface SnapshotRecord {
  readonly id: string;
  readonly content: string;
  readonly namespace: string;
  readonly name: string;
  readonly description: string;
  readonly storage_class: string;
  readonly size: string;
  readonly state: "Ready" | "Pending" | "Failed";
  readonly source_volume: string | null;
  readonly source_volume_name: string | null;
  readonly retention_seconds: number | null;
  readonly created_at: string;
}

/** Annotations by which the makers of snapshots describe them. */
export const annotations = {
  description: "slipway.dev/description",
  retention: "slipway.dev/retention-seconds",
};

/** A cluster is its tenant's, who may report anything: so much of it is shown. */
const mostNodes = 64;
/** Addresses of one node that are shown. */
export const mostAddresses = 4;
const unknownTime = new Date(0).toISOString();
/** The year 10000, which neither RFC 3339 nor Protobuf can write. */
const endOfTime = Date.UTC(10_000, 0);

/** The volumes of a cluster. */
export function volumesOf(objects: InsideObjects): VolumeRecord[] {
  const claimsByUid = new Map(objects.of<Claim>(claims).map((claim) => [claim.metadata.uid, claim]));
  const attached = groupBy(
    objects.of<Attachment>(attachments).filter(({ status }) => status?.attached === true),
    ({ spec }) => spec?.source?.persistentVolumeName ?? "",
  );
  const addresses = new Map(objects.of<Node>(nodes).map((node) => [node.metadata.name, internalIps(node)]));
  const sources = snapshotIds(objects);
  return objects.of<PersistentVolume>(persistentVolumes).map((volume) => {
    const claim = claimsByUid.get(volume.spec?.claimRef?.uid);
    const names = (attached.get(volume.metadata.name) ?? []).map(({ spec }) => spec?.nodeName ?? "");
    const on = [...new Set(names)].sort().slice(0, mostNodes);
    return {
      ...factsOf(volume),
      ...sourceOf(claim, sources),
      attached_to: on.map((node) => `csi:host:${node}.node`),
      node_ips: on.flatMap((node) => addresses.get(node) ?? []),
    };
  });
}

function factsOf({ metadata, spec = {}, status }: PersistentVolume) {
  const handle = spec.csi?.volumeHandle ?? "";
  return {
    id: idOf(handle, metadata.uid),
    persistent_volume: metadata.name,
    name: spec.claimRef?.name ?? metadata.name,
    claim_namespace: spec.claimRef?.namespace ?? null,
    claim_name: spec.claimRef?.name ?? null,
    storage_class: spec.storageClassName ?? "",
    size: sizeOf(spec.capacity?.storage),
    state: status?.phase ?? "Pending",
    volume_handle: handle,
    labels: metadata.labels ?? {},
    created_at: timeOf(Date.parse(metadata.creationTimestamp ?? "")),
  };
}

interface NamedSnapshot {
  readonly id: string;
  readonly name: string;
}

function sourceOf(claim: Claim | undefined, known: ReadonlyMap<string, NamedSnapshot>) {
  const source = claim?.spec?.dataSourceRef ?? claim?.spec?.dataSource;
  if (source?.kind !== "VolumeSnapshot") return { source_snapshot: null, source_snapshot_name: null };
  const namespace = claim?.spec?.dataSourceRef?.namespace ?? claim?.metadata.namespace;
  const snapshot = known.get(`${namespace}/${source.name}`);
  return { source_snapshot: snapshot?.id ?? null, source_snapshot_name: snapshot?.name ?? source.name ?? null };
}

/** Ids of the snapshots by "namespace/name". */
function snapshotIds(objects: InsideObjects): ReadonlyMap<string, NamedSnapshot> {
  return new Map(
    objects.of<SnapshotContent>(snapshotContents).map(({ metadata, spec, status }) => {
      const { namespace, name = "" } = spec?.volumeSnapshotRef ?? {};
      return [`${namespace}/${name}`, { id: idOf(status?.snapshotHandle ?? "", metadata.uid), name }];
    }),
  );
}

/** The snapshots of a cluster: those that have a content, for only then there is something. */
export function snapshotsOf(objects: InsideObjects): SnapshotRecord[] {
  const byUid = new Map(objects.of<VolumeSnapshot>(volumeSnapshots).map((one) => [one.metadata.uid, one]));
  const volumes = objects.of<PersistentVolume>(persistentVolumes);
  const byHandle = new Map(volumes.map((volume) => [volume.spec?.csi?.volumeHandle, volume]));
  return objects.of<SnapshotContent>(snapshotContents).map((content) => {
    const snapshot = byUid.get(content.spec?.volumeSnapshotRef?.uid);
    const source = byHandle.get(content.spec?.source?.volumeHandle ?? "-");
    return snapshotRecord(content, snapshot, source);
  });
}

function snapshotRecord(
  content: SnapshotContent,
  snapshot: VolumeSnapshot | undefined,
  source: PersistentVolume | undefined,
): SnapshotRecord {
  const { metadata, spec = {}, status = {} } = content;
  const notes = snapshot?.metadata.annotations ?? {};
  const retention = Number(notes[annotations.retention]);
  const ready = status.readyToUse === true;
  return {
    id: idOf(status.snapshotHandle ?? "", metadata.uid),
    content: metadata.name,
    namespace: spec.volumeSnapshotRef?.namespace ?? "",
    name: spec.volumeSnapshotRef?.name ?? metadata.name,
    description: notes[annotations.description] ?? "",
    storage_class: source?.spec?.storageClassName ?? spec.volumeSnapshotClassName ?? "",
    size: sizeOf(status.restoreSize),
    state: ready ? "Ready" : status.error === undefined ? "Pending" : "Failed",
    source_volume: source === undefined ? null : factsOf(source).id,
    source_volume_name: source === undefined ? null : factsOf(source).name,
    retention_seconds: Number.isInteger(retention) && retention > 0 && retention < 2 ** 31 ? retention : null,
    created_at: timeOf((status.creationTime ?? Number.NaN) / 1_000_000, metadata.creationTimestamp),
  };
}

/** In bytes; what is no size is shown as 0. */
const sizeOf = (storage: unknown): string => String(bytesOf(storage) ?? 0n);

/** Milliseconds since 1970 as a time; what is none, or out of all reason, is the time of the object, or unknown. */
function timeOf(milliseconds: number, created?: string): string {
  if (milliseconds >= 0 && milliseconds < endOfTime) return new Date(milliseconds).toISOString();
  return created === undefined ? unknownTime : timeOf(Date.parse(created));
}

/** A handle that is a uuid is the id everywhere; other storage is known by the object's uid. "" when that is none. */
export function idOf(handle: string, uid = ""): string {
  const id = isUuid(handle) ? handle : uid;
  return isUuid(id) ? id.toLowerCase() : "";
}

function internalIps({ status }: Node): string[] {
  const internal = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
  return internal.slice(0, mostAddresses).map(({ address }) => address);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
