import type { ReadRequest } from "../extension.js";
import { asFields, asList, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import { StatusError } from "../status-error.js";
import type { Fields, KubeObject, ObjectStore } from "../types.js";
import { claims, driver, pods, volumes } from "./names.js";
import { sizeOf, usedOf } from "./usage.js";
import { isReady, isRunning } from "./uses.js";

/** What the kubelet of a node says at /stats/summary, as far as volumes go; 503 when the node is not ready. */
export function statsSummary({ object: node, store, now }: ReadRequest): Fields {
  const { name } = node.metadata;
  if (!isReady(node)) throw new StatusError(503, "ServiceUnavailable", `error trying to reach service: node ${name}`);
  const own = store.list(pods).filter((pod) => pod.spec?.nodeName === name && isRunning(pod));
  return {
    node: { nodeName: name },
    pods: own.map((pod) => ({
      podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
      startTime: pod.status?.startTime,
      volume: volumesOf(store, pod, timestamp(now)),
    })),
  };
}

function volumesOf(store: ObjectStore, pod: KubeObject, time: string): Fields[] {
  const { namespace } = pod.metadata;
  return asList(pod.spec?.volumes).flatMap(({ name, persistentVolumeClaim }) => {
    const claimName = asText(asFields(persistentVolumeClaim).claimName);
    const claim = store.get({ ...claims, namespace, name: claimName });
    const volume = store.get({ ...volumes, name: asText(claim?.spec?.volumeName) });
    if (volume === undefined || asFields(volume.spec?.csi).driver !== driver) return [];
    const [capacityBytes, used] = [sizeOf(volume), usedOf(volume)];
    const bytes = { capacityBytes, usedBytes: used, availableBytes: capacityBytes - used };
    return [{ name, pvcRef: { name: claimName, namespace }, time, ...bytes }];
  });
}
