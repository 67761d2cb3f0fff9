import { DomainError } from "../../../errors.js";
import type { KubeClient, Place } from "../../../kube/client.js";
import { notFound } from "../../../kube/errors.js";
import type { KubeObject, ResourceType } from "../../../kube/objects.js";
import { keys } from "./gardener-types.js";
import type { ClusterRef } from "./kube.js";

const nameTakenRetryMs = 5000;
const shortestSeconds = 600;
const longestSeconds = 86_400;

/** The object at a place; undefined when there is none. */
export async function getObject<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  place: Place,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.get<T>(type, place, { signal });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** Whether an object stands for this very cluster, and not for one of the same name. */
export function isOf({ metadata }: KubeObject, { id }: Pick<ClusterRef, "id">): boolean {
  return metadata.labels?.[keys.cluster] === id;
}

/**
 * Throws DomainError unless the object may be made what a cluster wants: unavailable while the name is taken by
 * another cluster, precondition while it is being deleted.
 */
export function requireUsable(current: KubeObject | undefined, ref: Pick<ClusterRef, "id" | "name">): void {
  if (current === undefined) return;
  if (!isOf(current, ref)) {
    const retry = { retryAfterMs: nameTakenRetryMs };
    throw new DomainError("unavailable", `the name ${ref.name} is still taken by another cluster`, retry);
  }
  if (current.metadata.deletionTimestamp === undefined) return;
  throw new DomainError("precondition", `cluster ${ref.name} is being deleted at its backend`);
}

/** Applies the object of a cluster and answers its version; throws DomainError (conflict) when it vanished meanwhile. */
export async function applyObject<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  object: T,
  signal: AbortSignal,
): Promise<string> {
  try {
    const applied = await client.apply<T>(type, object, { signal });
    return applied.metadata.resourceVersion ?? "0";
  } catch (error) {
    if (!notFound(error)) throw error;
    const message = `cluster ${object.metadata.name} vanished from its backend meanwhile`;
    throw new DomainError("conflict", message, { cause: error });
  }
}

/** Sets an annotation of exactly this object: with the uid the patch cannot hit a namesake that was made meanwhile. */
export async function annotateObject(
  client: KubeClient,
  type: ResourceType,
  { metadata }: KubeObject,
  annotation: readonly [key: string, value: string],
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid } = metadata;
  const patch = { metadata: { uid, annotations: Object.fromEntries([annotation]) } };
  await client.mergePatch(type, { name, namespace }, patch, { signal });
}

/**
 * Begins the deletion of the object that `find` answers, unless that has begun; `confirm` is called before. Answers
 * "gone" when there is none, or none any more.
 */
export async function removeObject<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  find: () => Promise<T | undefined>,
  signal: AbortSignal,
  confirm?: (object: T) => Promise<void>,
): Promise<"removing" | "gone"> {
  try {
    const object = await find();
    if (object === undefined) return "gone";
    const { name, namespace, uid, deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) return "removing";
    await confirm?.(object);
    await client.delete(type, { name, namespace }, { uid, signal });
    return "removing";
  } catch (error) {
    if (notFound(error)) return "gone";
    throw error;
  }
}

/** How long a kubeconfig may be asked to hold, in whole seconds. */
export function grantedSeconds(asked: number): number {
  return Math.min(longestSeconds, Math.max(shortestSeconds, Math.round(asked)));
}
