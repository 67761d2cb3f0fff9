import { asNumber } from "../fields.js";
import type { KubeObject } from "../types.js";
import { type Controller, whenOwned } from "./controller.js";
import { pods, replicaSets } from "./names.js";
import { podKeys } from "./object-index.js";
import { isDying, refTo, withCondition, withoutCondition } from "./objects.js";
import { firstToGo, isActive, isReady } from "./pod-state.js";
import { bearPod, dropPod, podOf } from "./pod-templates.js";
import type { World } from "./world.js";

const component = "replicaset-controller";
/** How soon creations are tried again that were refused. */
const retryMs = 5000;

/** Keeps as many pods as each ReplicaSet asks for. */
export const replicaSetController: Controller = {
  resource: replicaSets,
  triggers: [whenOwned(pods, "ReplicaSet")],
  async reconcile(set, world) {
    const failure = isDying(set) ? undefined : await resize(set, world);
    const left = await report(set, failure, world);
    return failure === undefined ? left : Math.min(retryMs, left ?? retryMs);
  },
};

/** The pods of a ReplicaSet that count. */
export function podsOfSet(world: World, set: KubeObject): KubeObject[] {
  return world.pods.get(podKeys.owner(set.metadata.uid)).filter(isActive);
}

/** Whether a pod has been ready for long enough. */
export function isAvailable(world: World, pod: KubeObject, minReadySeconds: unknown): boolean {
  const ready = world.readyFor(pod);
  return ready !== undefined && ready >= asNumber(minReadySeconds) * 1000;
}

/** In how many milliseconds the next pod becomes available that is only ready; undefined when none is. */
export function nextAvailable(world: World, all: readonly KubeObject[], minReadySeconds: unknown): number | undefined {
  const wanted = asNumber(minReadySeconds) * 1000;
  const left = all.flatMap((pod) => {
    const ready = world.readyFor(pod);
    return ready === undefined || ready >= wanted ? [] : [wanted - ready];
  });
  return left.length === 0 ? undefined : Math.min(...left);
}

async function resize(set: KubeObject, world: World) {
  const active = podsOfSet(world, set);
  const wanted = asNumber(set.spec?.replicas ?? 1);
  for (const pod of active.sort(firstToGo).slice(0, Math.max(0, active.length - wanted))) {
    await dropPod(world, set, pod, component);
  }
  for (let count = active.length; count < wanted; count += 1) {
    const failure = await bearPod(world, set, podOf(set, set.spec?.template), component);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

async function report(set: KubeObject, failure: Error | undefined, world: World): Promise<number | undefined> {
  const active = podsOfSet(world, set);
  const { minReadySeconds } = set.spec ?? {};
  // Before they are counted: who becomes available in between is looked at again.
  const next = nextAvailable(world, active, minReadySeconds);
  const available = active.filter((pod) => isAvailable(world, pod, minReadySeconds)).length;
  await world.store.patchStatus(refTo(replicaSets, set), (draft) => {
    const conditions =
      failure === undefined
        ? withoutCondition(draft.status?.conditions, "ReplicaFailure")
        : withCondition(
            draft.status?.conditions,
            { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: failure.message },
            world.clock(),
          );
    draft.status = {
      replicas: active.length,
      fullyLabeledReplicas: active.length,
      readyReplicas: active.filter(isReady).length,
      availableReplicas: available,
      observedGeneration: set.metadata.generation,
      ...(conditions.length > 0 ? { conditions } : {}),
    };
  });
  return next;
}
