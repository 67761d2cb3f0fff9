import { type KubeObject, nodes, type ObjectMeta } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import type { FollowedType } from "../cluster/inside/reader.js";
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
import { annotations, mostAddresses } from "./observe.js";

/** Longer texts are cut: names are shorter, and of descriptions the beginning is enough. */
const longestText = 1024;
const mostLabels = 256;

/** What volumes and snapshots are read from: fields of the types that they should have, and nothing else. */
export const volumeTypes: readonly FollowedType[] = [
  { type: persistentVolumes, pick: pickVolume },
  { type: claims, pick: pickClaim },
  { type: attachments, pick: pickAttachment },
  { type: volumeSnapshots, pick: pickSnapshot },
  { type: snapshotContents, pick: pickContent },
  { type: nodes, pick: pickNode },
];

/** A PersistentVolume, as far as it is shown. */
export function pickVolume(object: KubeObject): PersistentVolume {
  const { spec, status } = read(object);
  const { capacity, claimRef, csi, storageClassName } = fields(spec);
  return {
    metadata: { ...metaOf(object), labels: labelsOf(fields(object.metadata).labels) },
    spec: {
      capacity: { storage: quantity(fields(capacity).storage) },
      ...texts({ storageClassName }),
      ...(isRecord(claimRef) ? { claimRef: refOf(claimRef) } : {}),
      ...(isRecord(csi) ? { csi: texts({ volumeHandle: csi.volumeHandle }) } : {}),
    },
    status: texts({ phase: fields(status).phase }),
  };
}

function pickClaim(object: KubeObject): Claim {
  const { dataSource, dataSourceRef } = fields(read(object).spec);
  return {
    metadata: metaOf(object),
    spec: {
      ...(isRecord(dataSource) ? { dataSource: sourceOf(dataSource) } : {}),
      ...(isRecord(dataSourceRef) ? { dataSourceRef: sourceOf(dataSourceRef) } : {}),
    },
  };
}

function pickAttachment(object: KubeObject): Attachment {
  const { spec, status } = read(object);
  const { nodeName, source } = fields(spec);
  return {
    metadata: metaOf(object),
    spec: {
      ...texts({ nodeName }),
      source: texts({ persistentVolumeName: fields(source).persistentVolumeName }),
    },
    status: { attached: fields(status).attached === true },
  };
}

function pickSnapshot(object: KubeObject): VolumeSnapshot {
  const notes = fields(fields(object.metadata).annotations);
  const { description, retention } = annotations;
  return {
    metadata: {
      ...metaOf(object),
      annotations: textsIn({ [description]: notes[description], [retention]: notes[retention] }),
    },
  };
}

function pickContent(object: KubeObject): SnapshotContent {
  const { spec, status } = read(object);
  const { source, volumeSnapshotClassName, volumeSnapshotRef } = fields(spec);
  const { snapshotHandle, creationTime, readyToUse, restoreSize, error } = fields(status);
  return {
    metadata: metaOf(object),
    spec: {
      ...texts({ volumeSnapshotClassName }),
      source: texts({ volumeHandle: fields(source).volumeHandle }),
      ...(isRecord(volumeSnapshotRef) ? { volumeSnapshotRef: refOf(volumeSnapshotRef) } : {}),
    },
    status: {
      ...texts({ snapshotHandle }),
      ...(typeof creationTime === "number" ? { creationTime } : {}),
      readyToUse: readyToUse === true,
      restoreSize: quantity(restoreSize),
      ...(isRecord(error) ? { error: {} } : {}),
    },
  };
}

function pickNode(object: KubeObject): Node {
  const { addresses } = fields(read(object).status);
  const internal = (Array.isArray(addresses) ? addresses : [])
    .map((entry) => texts({ type: fields(entry).type, address: fields(entry).address }))
    .filter(({ type }) => type === "InternalIP")
    .slice(0, mostAddresses);
  return {
    metadata: metaOf(object),
    status: { addresses: internal.map(({ type = "", address = "" }) => ({ type, address })) },
  };
}

/** What nobody has checked yet. */
const read = (object: KubeObject) => object as { readonly spec?: unknown; readonly status?: unknown };
const fields = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});

function metaOf({ metadata }: KubeObject): ObjectMeta {
  const { name, namespace, uid, creationTimestamp } = fields(metadata);
  return { name: "", ...texts({ name, namespace, uid, creationTimestamp }) };
}

const refOf = ({ namespace, name, uid }: Record<string, unknown>) => texts({ namespace, name, uid });
const sourceOf = ({ kind, name, namespace }: Record<string, unknown>) => texts({ kind, name, namespace });

/** Those of the fields that are texts. */
function texts<K extends string>(values: Readonly<Record<K, unknown>>): { [key in K]?: string } {
  return textsIn(values) as { [key in K]?: string };
}

function textsIn(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) =>
      typeof value === "string" ? [[key, value.slice(0, longestText)]] : [],
    ),
  );
}

const labelsOf = (labels: unknown): Record<string, string> =>
  textsIn(Object.fromEntries(Object.entries(fields(labels)).slice(0, mostLabels)));

/** A size as it is written, as far as it may be one. */
const quantity = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value).slice(0, longestText) : "";
