import type { KubeClient } from "../../../kube/client.js";
import { alreadyExists, conflict, notFound } from "../../../kube/errors.js";
import { type KubeObject, namespaces } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import { adoptedAnnotation, ownLabels, replacedAnnotation } from "./rules.js";
import type { NamespaceRow } from "./store.js";

/** A Namespace with what says how far its deletion is. */
export interface Namespace extends KubeObject {
  status?: { conditions?: unknown };
}

/** How far a namespace is. */
export type Standing =
  | { readonly state: "active"; readonly adopted: boolean }
  /** With `isMoving` it is about to change by itself: look again soon. */
  | { readonly state: "pending" | "refused"; readonly message: string; readonly isMoving: boolean };

/** How far a deletion is. */
export type Removal = { readonly isGone: true } | { readonly isGone: false; readonly message: string };

/** What a namespace is told by. */
export interface NamespaceOptions {
  readonly signal: AbortSignal;
  /** Whether a uuid is that of a namespace that is registered here. */
  readonly isRegistered: (id: string) => Promise<boolean>;
}

const changedMeanwhile = {
  state: "pending",
  message: "it was changed on the target meanwhile",
  isMoving: true,
} as const;

/** Makes or takes over the Namespace of a row, unless it is another's; bears repetition after any crash. */
export async function ensureNamespace(
  client: KubeClient,
  row: NamespaceRow,
  options: NamespaceOptions,
): Promise<Standing> {
  const live = (await readNamespace(client, row.name, options.signal)) ?? (await make(client, row, options.signal));
  if (live === undefined) return changedMeanwhile;
  if (live.metadata.deletionTimestamp !== undefined) {
    return { state: "pending", message: "it is being deleted on the target: it is made again then", isMoving: true };
  }
  const refusal = await refusalOf(live, row, options);
  if (refusal !== undefined) return { state: "refused", message: refusal, isMoving: false };
  const isTaken = !isOurs(live, row);
  const adopted = isTaken || live.metadata.annotations?.[adoptedAnnotation] === "true";
  const replaced = isTaken ? replacedBy(row, live) : live.metadata.annotations?.[replacedAnnotation];
  try {
    await apply(client, live, wantedOf(row, adopted, replaced), options.signal);
  } catch (error) {
    if (conflict(error) || notFound(error)) return changedMeanwhile;
    throw error;
  }
  return { state: "active", adopted };
}

/** Removes the Namespace of a row, or lets it go when it was there before; bears repetition after any crash. */
export async function removeNamespace(client: KubeClient, row: NamespaceRow, signal: AbortSignal): Promise<Removal> {
  const live = await readNamespace(client, row.name, signal);
  if (live === undefined || !isOurs(live, row)) return { isGone: true };
  try {
    if (live.metadata.annotations?.[adoptedAnnotation] === "true") {
      await apply(client, live, { labels: labelsIn(live.metadata.annotations[replacedAnnotation]) }, signal);
      return { isGone: true };
    }
    if (live.metadata.deletionTimestamp === undefined) {
      await client.delete(namespaces, { name: row.name }, { uid: live.metadata.uid, signal });
    }
  } catch (error) {
    if (!conflict(error) && !notFound(error)) throw error;
  }
  const left = await readNamespace(client, row.name, signal);
  if (left === undefined || !isOurs(left, row)) return { isGone: true };
  return { isGone: false, message: reasonOf(left) };
}

/** Whether a Namespace is the one of a row, by its labels. */
export function isOurs({ metadata }: Namespace, { id }: NamespaceRow): boolean {
  return metadata.labels?.[ownLabels.managedBy] === "slipway" && metadata.labels[ownLabels.namespace] === id;
}

/** The labels that the Namespace of a row has. */
export function labelsFor({ id, project, labels }: NamespaceRow): Record<string, string> {
  return { ...labels, ...ownershipOf({ id, project }) };
}

const ownershipOf = ({ id, project }: Pick<NamespaceRow, "id" | "project">): Record<string, string> => ({
  [ownLabels.managedBy]: "slipway",
  [ownLabels.project]: project,
  [ownLabels.namespace]: id,
});

async function readNamespace(client: KubeClient, name: string, signal: AbortSignal): Promise<Namespace | undefined> {
  try {
    const live = await client.get<Namespace>(namespaces, { name }, { signal, maxBytes: 4 * 1024 * 1024 });
    return isRecord(live.metadata) ? live : undefined;
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/**
 * Creates it, which fails where an apply would take over what somebody else has just made. Only with the labels that
 * never change: what was not applied is not taken away by later applies.
 */
async function make(client: KubeClient, row: NamespaceRow, signal: AbortSignal): Promise<Namespace | undefined> {
  try {
    return await client.create<Namespace>(
      namespaces,
      { metadata: { name: row.name, labels: ownershipOf(row) } },
      { signal },
    );
  } catch (error) {
    if (alreadyExists(error)) return undefined;
    throw error;
  }
}

async function refusalOf(
  live: Namespace,
  row: NamespaceRow,
  { isRegistered }: NamespaceOptions,
): Promise<string | undefined> {
  if (isOurs(live, row)) return undefined;
  const labels = live.metadata.labels ?? {};
  if (labels[ownLabels.managedBy] === "slipway") {
    if (labels[ownLabels.project] !== row.project) return "it belongs to another project: take another name";
    if (await isRegistered(labels[ownLabels.namespace] ?? "")) {
      return "it belongs to another target of the project: take another name, or delete it there";
    }
  }
  return row.adopt ? undefined : "it exists on the target already: adopt it, or take another name";
}

/** What is to be set on a Namespace; whatever else was applied is taken away. */
interface Wanted {
  readonly labels: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

function wantedOf(row: NamespaceRow, adopted: boolean, replaced: string | undefined): Wanted {
  const labels = labelsFor(row);
  if (!adopted) return { labels };
  const before = replaced === undefined ? {} : { [replacedAnnotation]: replaced };
  return { labels, annotations: { [adoptedAnnotation]: "true", ...before } };
}

/** With its uid: nothing is applied to a namesake that took its place. */
async function apply(client: KubeClient, { metadata }: Namespace, wanted: Wanted, signal: AbortSignal): Promise<void> {
  const uid = metadata.uid === undefined ? {} : { uid: metadata.uid };
  await client.apply<Namespace>(namespaces, { metadata: { name: metadata.name, ...uid, ...wanted } }, { signal });
}

/** The labels that others have set and that the row's take the place of, to be set again; undefined for none. */
function replacedBy(row: NamespaceRow, { metadata }: Namespace): string | undefined {
  const wanted = labelsFor(row);
  const foreign = Object.entries(metadata.labels ?? {}).filter(([key, value]) => {
    const isStale =
      metadata.labels?.[ownLabels.managedBy] === "slipway" && Object.values(ownLabels).some((own) => own === key);
    return key in wanted && wanted[key] !== value && !isStale;
  });
  return foreign.length === 0 ? undefined : JSON.stringify(Object.fromEntries(foreign));
}

function labelsIn(text: string | undefined): Record<string, string> {
  try {
    const labels: unknown = JSON.parse(text ?? "{}");
    const entries = isRecord(labels) ? Object.entries(labels) : [];
    return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return {};
  }
}

/** What holds a Namespace that is being deleted, by what Kubernetes says of it. */
function reasonOf({ status }: Namespace): string {
  const conditions = Array.isArray(status?.conditions) ? status.conditions.filter(isRecord) : [];
  const holds = (type: string) => conditions.some((each) => each.type === type && each.status === "True");
  if (holds("NamespaceFinalizersRemaining")) return "objects in it have finalizers, which are waited for";
  if (holds("NamespaceContentRemaining")) return "objects in it are being deleted";
  return "it is being deleted on the target";
}
