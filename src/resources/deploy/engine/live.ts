import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { KubeError, notFound, transient } from "../../../kube/errors.js";
import type { ResourceType } from "../../../kube/objects.js";
import type { Manifest, ObjectOwner } from "./engine.js";
import { holdsConfiguration } from "./hidden.js";
import { isOwn } from "./labels.js";
import { fieldsOf, type LiveObject, numberOf } from "./standing-facts.js";

/** How many calls go to one target at a time, and how large an answer may be. */
const mostCalls = 4;
const maxBytes = 8 * 1024 * 1024;

/** An object's kind and name, as people call it. */
export const titleOf = ({ kind }: Pick<ResourceType, "kind">, name: string): string => `${kind} ${name}`;

/** Reads an object; undefined when there is none, or nothing of its kind. Throws KubeError. */
export async function readLive(
  client: KubeClient,
  type: ResourceType,
  place: { readonly name: string; readonly namespace?: string | undefined },
  signal: AbortSignal,
): Promise<LiveObject | undefined> {
  try {
    return await client.get<LiveObject>(type, place, { signal, maxBytes });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** Why a live object may not be changed for an owner; undefined when it may. */
export function foreignness({ type, object }: Manifest, live: LiveObject, owner: ObjectOwner): string | undefined {
  if (isOwn(live.metadata.labels, owner.deployment)) return undefined;
  const place = object.metadata.namespace === undefined ? "" : ` in the namespace ${object.metadata.namespace}`;
  return `${titleOf(type, object.metadata.name)} exists${place} and is not of this deployment: delete it there, or take another namespace`;
}

/**
 * A manifest as it is to be applied to what is there: only to that very object, and an autoscaled workload with the
 * size that it has. An autoscaler may change the size between reading and applying: so such a workload is applied at
 * the version that was read alone, and 409 says to read again. Leaving the size out instead would set it to 1 when no
 * other field manager has ever owned it.
 */
export function adapted({ object, autoscaled }: Manifest, live: LiveObject | undefined): Manifest["object"] {
  if (live === undefined) return object;
  const uid = live.metadata.uid === undefined ? {} : { uid: live.metadata.uid };
  const same = { ...object, metadata: { ...object.metadata, ...uid } };
  const now = numberOf(fieldsOf(live.spec).replicas, 1);
  if (autoscaled === undefined || now === 0) return same;
  const replicas = Math.min(autoscaled.max, Math.max(autoscaled.min, now));
  const { resourceVersion } = live.metadata;
  return {
    ...same,
    metadata: { ...same.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: { ...fieldsOf(object.spec), replicas },
  };
}

/**
 * What a caller sees of an API server's refusal of an object; other errors as they are. The server quotes values that
 * it does not bear: nothing of that where values are configuration.
 */
export function refusalOf(error: unknown, { type, object }: Manifest): unknown {
  if (!(error instanceof KubeError) || transient(error)) return error;
  const why = holdsConfiguration(type.kind) ? `the target answered ${error.code}` : error.message;
  return new DomainError("precondition", `${titleOf(type, object.metadata.name)} was refused: ${why}`, {
    cause: error,
  });
}

/** Does the work for all of them, a few at a time, in their order; the first error ends it. */
export async function inTurns<T, R>(
  all: readonly T[],
  signal: AbortSignal,
  work: (each: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const items = all.entries();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (const [index, item] of items) {
      if (hasFailed) return;
      signal.throwIfAborted();
      results[index] = await work(item);
    }
  };
  const lanes = Array.from({ length: Math.min(mostCalls, all.length) }, () =>
    lane().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    }),
  );
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  return results;
}
