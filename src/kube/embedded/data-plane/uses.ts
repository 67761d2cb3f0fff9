import { asFields, asList, asText } from "../fields.js";
import type { KubeObject, ObjectRef, ObjectStore } from "../types.js";
import { attachments, pods } from "./names.js";

/** Names of the claims that a pod mounts. */
export function claimsOf(pod: KubeObject): string[] {
  return asList(pod.spec?.volumes)
    .map((volume) => asText(asFields(volume.persistentVolumeClaim).claimName))
    .filter((name) => name !== "");
}

/** Whether the kubelet of a node answers. */
export function isReady({ status }: KubeObject): boolean {
  return asList(status?.conditions).find(({ type }) => type === "Ready")?.status === "True";
}

/** Whether a pod holds on to its claims and its node. */
export function isRunning({ status }: KubeObject): boolean {
  return status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

/** The claims that some pod mounts, as "namespace/name". */
export function claimsInUse(store: ObjectStore): ReadonlySet<string> {
  const running = store.list(pods).filter(isRunning);
  return new Set(running.flatMap((pod) => claimsOf(pod).map((name) => `${pod.metadata.namespace}/${name}`)));
}

/** The attachments of a volume. */
export function attachmentsOf(store: ObjectStore, volume: string): KubeObject[] {
  return store.list(attachments).filter(({ spec }) => asFields(spec?.source).persistentVolumeName === volume);
}

/** Takes a finalizer off, if it is there. */
export async function withoutFinalizer(store: ObjectStore, ref: ObjectRef, finalizer: string): Promise<void> {
  await store.modify(ref, (draft) => {
    const kept = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    if (kept.length > 0) draft.metadata.finalizers = kept;
    else delete draft.metadata.finalizers;
  });
}
