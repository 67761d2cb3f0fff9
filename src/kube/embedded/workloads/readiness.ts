import { asText } from "../fields.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { pods } from "./names.js";
import { conditionOf } from "./objects.js";
import { isReady } from "./pod-state.js";
import type { World } from "./world.js";

/** Since when pods are ready, more exactly than their conditions tell. */
export interface Readiness extends Pick<World, "readyFor"> {
  stop(): void;
}

/** Remembers when pods became ready. */
export function createReadiness(
  store: ObjectStore,
  { clock, timeScale }: Pick<World, "clock" | "timeScale">,
): Readiness {
  const since = new Map<string, number>();
  for (const pod of store.list(pods)) {
    const condition = conditionOf(pod, "Ready");
    if (condition?.status !== "True") continue;
    const ago = clock().getTime() - Date.parse(asText(condition.lastTransitionTime));
    since.set(pod.metadata.uid, performance.now() - Math.max(0, ago || 0));
  }
  const stop = store.watch(pods, ({ type, object }) => {
    const { uid } = object.metadata;
    if (type === "DELETED" || !isReady(object)) since.delete(uid);
    else if (!since.has(uid)) since.set(uid, performance.now());
  });
  return {
    readyFor: ({ metadata }: KubeObject) => {
      const at = since.get(metadata.uid);
      return at === undefined ? undefined : (performance.now() - at) * timeScale;
    },
    stop,
  };
}
