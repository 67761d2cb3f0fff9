import { asList, asText } from "../fields.js";
import type { KubeObject } from "../types.js";
import { conditionOf, isDying } from "./objects.js";

/** Whether a pod has ended for good. */
export function isOver({ status }: KubeObject): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Whether a pod counts for its controller: neither over nor to be gone. */
export function isActive(pod: KubeObject): boolean {
  return !isOver(pod) && !isDying(pod);
}

/** Whether the condition Ready of a pod or a node holds. */
export function isReady(object: KubeObject): boolean {
  return conditionOf(object, "Ready")?.status === "True";
}

/** The first to go when there are too many: not placed, not running, not ready, the youngest. */
export function firstToGo(a: KubeObject, b: KubeObject): number {
  const rank = (pod: KubeObject): number => {
    if (asText(pod.spec?.nodeName) === "") return 0;
    if (pod.status?.phase !== "Running") return 1;
    return isReady(pod) ? 3 : 2;
  };
  const cost = (pod: KubeObject): number =>
    Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"]) || 0;
  const younger = a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1;
  return rank(a) - rank(b) || cost(a) - cost(b) || younger;
}

/** The containers of a pod, those that prepare it not included. */
export function containersOf({ spec }: KubeObject) {
  return asList(spec?.containers);
}
