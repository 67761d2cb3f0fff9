import type { KubeClient } from "../../../kube/client.js";
import { conflict, KubeError, notFound } from "../../../kube/errors.js";
import type { KubeObject, ResourceType } from "../../../kube/objects.js";
import { bytesOf } from "../../../kube/quantity.js";
import { isRecord } from "../../../record.js";
import { ownLabels } from "./rules.js";
import type { ClaimSight, PlacedClaim } from "./store.js";

/** PersistentVolumeClaims. */
export const persistentVolumeClaims: ResourceType = {
  group: "",
  version: "v1",
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
};

/** A PersistentVolumeClaim as servers answer it. */
export interface Claim extends KubeObject {
  spec?: unknown;
  status?: unknown;
}

/** How far a claim is. */
export interface Standing {
  readonly seen: ClaimSight;
  /** Whether the target was told what is wanted. */
  readonly isApplied: boolean;
  /** Whether it is about to change by itself: look again soon. */
  readonly isMoving: boolean;
}

/** How far a deletion is. */
export type Removal = { readonly isGone: true } | { readonly isGone: false; readonly message: string };

const longest = 300;
const mostBytes = 4 * 1024 * 1024;

/** Makes or changes the PersistentVolumeClaim of a row, unless it is another's; bears repetition after any crash. */
export async function ensureClaim(client: KubeClient, row: PlacedClaim, signal: AbortSignal): Promise<Standing> {
  const live = await readClaim(client, row, signal);
  if (live === undefined && row.capacity !== "") return refused(row, lostMessage);
  if (live !== undefined && !isOurs(live, row)) {
    return refused(row, "a PersistentVolumeClaim of that name exists and is somebody else's: take another name");
  }
  if (live?.metadata.deletionTimestamp !== undefined) {
    return { seen: sightOf(row, live), isApplied: false, isMoving: true };
  }
  const difference = live && differenceOf(live, row);
  if (difference !== undefined) return refused(row, difference);
  try {
    const applied = await client.apply<Claim>(persistentVolumeClaims, wanted(row, live), { signal });
    const seen = sightOf(row, applied);
    return { seen, isApplied: true, isMoving: seen.state === "pending" };
  } catch (error) {
    if (conflict(error)) {
      return { seen: { ...shown(row), message: "it was changed meanwhile" }, isApplied: false, isMoving: true };
    }
    if (!isRefusal(error)) throw error;
    const what = live === undefined ? "make" : "change";
    return refused(row, `the target refuses to ${what} it: ${error.message.slice(0, longest)}`);
  }
}

/** Removes the PersistentVolumeClaim of a row with what is stored; bears repetition after any crash. */
export async function removeClaim(client: KubeClient, row: PlacedClaim, signal: AbortSignal): Promise<Removal> {
  const live = await readClaim(client, row, signal);
  if (live === undefined || !isOurs(live, row)) return { isGone: true };
  try {
    if (live.metadata.deletionTimestamp === undefined) {
      await client.delete(persistentVolumeClaims, placeOf(row), { uid: live.metadata.uid, signal });
    }
  } catch (error) {
    if (!conflict(error) && !notFound(error)) throw error;
  }
  const left = await readClaim(client, row, signal);
  if (left === undefined || !isOurs(left, row)) return { isGone: true };
  return { isGone: false, message: "it goes when no pod mounts it any more" };
}

/** What is seen of the PersistentVolumeClaim of a row that has what is wanted. */
export function sightOf(row: PlacedClaim, { metadata, status }: Claim): ClaimSight {
  const { phase, capacity: given } = isRecord(status) ? status : {};
  const storage = isRecord(given) && typeof given.storage === "string" ? given.storage.slice(0, 64) : "";
  const capacity = storage || row.capacity;
  if (metadata.deletionTimestamp !== undefined) {
    return { state: "failed", message: "it is being deleted on the target", capacity };
  }
  if (phase === "Lost") return { state: "failed", message: "its volume is lost", capacity };
  if (phase !== "Bound") {
    return { state: "pending", message: "it waits for a volume, or for the first pod that mounts it", capacity };
  }
  const isGrowing = (bytesOf(capacity) ?? 0n) < (bytesOf(row.size) ?? 0n);
  return { state: "bound", message: isGrowing ? `it grows to ${row.size}` : "", capacity };
}

/** What is said of one that had its storage and is not there any more. */
export const lostMessage =
  "it is not on the target any more, and what was stored is lost: delete it, and make another one";

/** Whether a PersistentVolumeClaim is the one of a row, by its labels. */
export function isOurs({ metadata }: Claim, { id }: Pick<PlacedClaim, "id">): boolean {
  return metadata.labels?.[ownLabels.managedBy] === "slipway" && metadata.labels[ownLabels.claim] === id;
}

/** The labels that the PersistentVolumeClaim of a row has. */
export const labelsFor = ({ id, project, labels }: PlacedClaim): Record<string, string> => ({
  ...labels,
  [ownLabels.managedBy]: "slipway",
  [ownLabels.project]: project,
  [ownLabels.claim]: id,
});

function wanted(row: PlacedClaim, live: Claim | undefined): Claim {
  const { accessMode, storageClass, size } = row;
  const uid = live?.metadata.uid === undefined ? {} : { uid: live.metadata.uid };
  return {
    metadata: { ...placeOf(row), ...uid, labels: labelsFor(row) },
    spec: {
      accessModes: [accessMode],
      ...(storageClass === "" ? {} : { storageClassName: storageClass }),
      resources: { requests: { storage: size } },
    },
  };
}

/** What of a claim that is there cannot become what is wanted. */
function differenceOf({ spec }: Claim, { accessMode, storageClass }: PlacedClaim): string | undefined {
  if (!isRecord(spec)) return undefined;
  const { accessModes, storageClassName } = spec;
  if (Array.isArray(accessModes) && accessModes[0] !== accessMode) {
    return "it was made with another access mode before that was changed: delete it, and make another one";
  }
  if (storageClass !== "" && typeof storageClassName === "string" && storageClassName !== storageClass) {
    return "it was made with another storage class before that was changed: delete it, and make another one";
  }
  return undefined;
}

const placeOf = ({ name, namespaceName }: PlacedClaim) => ({ name, namespace: namespaceName });

const shown = ({ state, message, capacity }: PlacedClaim): ClaimSight => ({ state, message, capacity });

const refused = ({ capacity }: PlacedClaim, message: string): Standing => ({
  seen: { state: "failed", message, capacity },
  isApplied: false,
  isMoving: false,
});

/** Whether the server refuses what it is told, rather than who tells it. */
const isRefusal = (error: unknown): error is KubeError =>
  error instanceof KubeError && error.kind === "status" && [400, 403, 404, 422].includes(error.code);

async function readClaim(client: KubeClient, row: PlacedClaim, signal: AbortSignal): Promise<Claim | undefined> {
  try {
    const live = await client.get<Claim>(persistentVolumeClaims, placeOf(row), { signal, maxBytes: mostBytes });
    return isRecord(live.metadata) ? live : undefined;
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}
