import { asFields } from "../fields.js";
import { StatusError } from "../status-error.js";
import type { Fields, KubeObject, NewObject } from "../types.js";
import { pods } from "./names.js";
import { ownedBy, refTo } from "./objects.js";
import { createPod } from "./quota.js";
import type { World } from "./world.js";

/** A pod of a template, belonging to an owner; without a name it gets one that begins with the owner's. */
export function podOf(owner: KubeObject, template: unknown, name?: string): NewObject {
  const { metadata, spec } = asFields(template);
  const { labels, annotations, finalizers } = asFields(metadata);
  return {
    metadata: {
      ...(name === undefined ? { generateName: `${owner.metadata.name}-` } : { name }),
      namespace: owner.metadata.namespace ?? "default",
      labels: { ...(asFields(labels) as Record<string, string>) },
      annotations: { ...(asFields(annotations) as Record<string, string>) },
      ...(Array.isArray(finalizers) ? { finalizers: finalizers.map(String) } : {}),
      ownerReferences: ownedBy(owner),
    },
    spec: { ...(asFields(spec) as Fields) },
  };
}

/** Creates a pod for its owner and tells of it; answers why it could not be. */
export async function bearPod(world: World, owner: KubeObject, pod: NewObject, component: string) {
  try {
    const { metadata } = await createPod(world, pod);
    const message = `Created pod: ${metadata.name}`;
    world.events.record(owner, { type: "Normal", reason: "SuccessfulCreate", message, component });
    return undefined;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code === 503) throw error;
    const message = `Error creating: ${error.message}`;
    world.events.record(owner, { type: "Warning", reason: "FailedCreate", message, component });
    return error;
  }
}

/** Deletes a pod for its owner and tells of it. */
export async function dropPod(world: World, owner: KubeObject, pod: KubeObject, component: string): Promise<void> {
  await world.store.delete(refTo(pods, pod), { uid: pod.metadata.uid });
  const message = `Deleted pod: ${pod.metadata.name}`;
  world.events.record(owner, { type: "Normal", reason: "SuccessfulDelete", message, component });
}
