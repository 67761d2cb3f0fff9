import { createHash } from "node:crypto";
import { asFields, asList, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject, ObjectStore } from "../types.js";
import { attachments, claims, driver, nodes, pods, volumes } from "./names.js";
import { claimsOf, isReady, isRunning } from "./uses.js";

/** Puts pods on nodes once their claims are bound, runs them, and attaches their volumes to the nodes. */
export async function settlePods(store: ObjectStore, now: Date): Promise<void> {
  const ready = store.list(nodes).filter(takesPods);
  for (const pod of store.list(pods)) {
    if (pod.metadata.deletionTimestamp === undefined && pod.status?.phase === "Pending") {
      await run(store, pod, ready, now);
    }
  }
  await settleAttachments(store);
}

function takesPods(node: KubeObject): boolean {
  return isReady(node) && node.spec?.unschedulable !== true;
}

async function run(store: ObjectStore, pod: KubeObject, ready: readonly KubeObject[], now: Date): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const bound = claimsOf(pod).every((claim) => {
    return store.get({ ...claims, namespace, name: claim })?.status?.phase === "Bound";
  });
  const digest = createHash("sha256").update(uid).digest();
  const node = asText(pod.spec?.nodeName) || ready[digest.readUInt32BE(0) % ready.length]?.metadata.name;
  if (!bound || node === undefined) return;
  await store.modify({ ...pods, namespace, name }, (draft) => {
    if (draft.metadata.uid !== uid) return;
    draft.spec = { ...draft.spec, nodeName: node };
    draft.status = runningStatus(draft, `10.96.${digest[4]}.${digest[5]}`, timestamp(now));
  });
}

function runningStatus(pod: KubeObject, podIP: string, at: string): Fields {
  const condition = (type: string) => ({ type, status: "True", lastTransitionTime: at });
  return {
    ...pod.status,
    phase: "Running",
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: at,
    conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition),
    containerStatuses: asList(pod.spec?.containers).map(({ name, image }) => ({
      name,
      image,
      imageID: "",
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: at } },
    })),
  };
}

/** Makes one attachment for each volume and node where a pod needs it, and removes those that nobody needs. */
async function settleAttachments(store: ObjectStore): Promise<void> {
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
