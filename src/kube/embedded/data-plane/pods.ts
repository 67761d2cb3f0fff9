import { createHash } from "node:crypto";
import { asFields, asText } from "../fields.js";
import type { KubeObject, ObjectStore } from "../types.js";
import { attachments, claims, driver, pods, volumes } from "./names.js";
import { claimsOf, isRunning } from "./uses.js";

/** Makes one attachment for each volume and node where a pod needs it, and removes those that nobody needs. */
export async function settleAttachments(store: ObjectStore): Promise<void> {
  const wanted = new Map(
    store
      .list(pods)
      .filter(isRunning)
      .flatMap((pod) => attachmentsFor(store, pod)),
  );
  for (const { metadata, spec } of store.list(attachments)) {
    if (spec?.attacher !== driver || wanted.has(metadata.name)) continue;
    await store.delete({ ...attachments, name: metadata.name });
  }
  for (const [name, { volume, node }] of wanted) {
    if (store.get({ ...attachments, name }) !== undefined) continue;
    await store.create(attachments, {
      metadata: { name },
      spec: { attacher: driver, nodeName: node, source: { persistentVolumeName: volume } },
      status: { attached: true },
    });
  }
}

interface Attachment {
  readonly volume: string;
  readonly node: string;
}

function attachmentsFor(store: ObjectStore, pod: KubeObject): [string, Attachment][] {
  const node = asText(pod.spec?.nodeName);
  if (node === "") return [];
  return claimsOf(pod).flatMap((name): [string, Attachment][] => {
    const claim = store.get({ ...claims, namespace: pod.metadata.namespace, name });
    const volume = asText(claim?.spec?.volumeName);
    const found = store.get({ ...volumes, name: volume });
    if (asFields(found?.spec?.csi).driver !== driver) return [];
    const digest = createHash("sha256").update(`${volume}/${node}`).digest("hex");
    return [[`csi-${digest}`, { volume, node }]];
  });
}
