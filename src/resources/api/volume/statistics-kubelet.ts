import type { Logger } from "pino";
import { withoutValues } from "../../../db/errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { nodes } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import { eachOf } from "./inside.js";
import { type Attachment, attachments } from "./kube-types.js";
import type { MeasuredVolume, StorageAdapter } from "./statistics.js";
import { forEachOf } from "./statistics-pool.js";

/** Bounds of what is asked of nodes. */
export interface KubeletLimits {
  /** How many nodes of one cluster are asked: Kubernetes has no more. */
  readonly nodes: number;
  /** Of how many volumes of one cluster figures are taken. */
  readonly volumes: number;
  /** How many nodes of one cluster are asked at once. */
  readonly nodesAtOnce: number;
  /** How long one node may take to answer. */
  readonly nodeMs: number;
  /** A kubelet with a few hundred pods answers about a megabyte. */
  readonly maxBytes: number;
}

const usual: KubeletLimits = {
  nodes: 5_000,
  volumes: 20_000,
  nodesAtOnce: 4,
  nodeMs: 5_000,
  maxBytes: 16 * 1024 * 1024,
};

/**
 * Kubernetes metrics: the kubelet of each node with attached volumes says what their filesystems have in use. A
 * node that does not answer is left out. Nothing is known of snapshots, and of volumes that no pod has mounted.
 */
export function kubeletStorage(log: Logger, limits: KubeletLimits = usual): StorageAdapter {
  return {
    async measure({ id }, client, signal) {
      const volumes = new Map<string, MeasuredVolume>();
      await forEachOf(await attachedNodes(client, limits.nodes, signal), limits.nodesAtOnce, async (node) => {
        try {
          for (const one of volumesOf(await summaryOf(client, node, limits, signal))) {
            if (volumes.size < limits.volumes) volumes.set(JSON.stringify([one.namespace, one.claim]), one);
          }
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ err: withoutValues(error), cluster: id, node }, "a node does not say how full its volumes are");
        }
      });
      signal.throwIfAborted();
      return { volumes: [...volumes.values()], snapshots: [] };
    },
  };
}

/** Names of the nodes that have volumes. */
async function attachedNodes(client: KubeClient, most: number, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const { spec, status } of eachOf<Attachment>(client, attachments, signal)) {
    const name = spec?.nodeName;
    // Only names that a node can have: they become part of a path.
    if (status?.attached === true && isName(name) && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) names.add(name);
    if (names.size >= most) break;
  }
  return names;
}

function summaryOf(client: KubeClient, name: string, limits: KubeletLimits, signal: AbortSignal): Promise<unknown> {
  const options = { signal, timeoutMs: limits.nodeMs, maxBytes: limits.maxBytes };
  return client.getBelow(nodes, { name }, "proxy/stats/summary", options);
}

type OfClaim = Extract<MeasuredVolume, { readonly claim: string }>;

/** The volumes of claims in a summary; entries that are not as a kubelet writes them are passed over. */
function volumesOf(summary: unknown): OfClaim[] {
  return listIn(summary, "pods")
    .flatMap((pod) => listIn(pod, "volume"))
    .flatMap((volume): OfClaim[] => {
      const { pvcRef, usedBytes } = isRecord(volume) ? volume : {};
      const { namespace, name } = isRecord(pvcRef) ? pvcRef : {};
      const isSize = typeof usedBytes === "number" && Number.isSafeInteger(usedBytes) && usedBytes >= 0;
      if (!isName(namespace) || !isName(name) || !isSize) return [];
      return [{ namespace, claim: name, figures: { usedBytes } }];
    });
}

/** Whether it is as short as the names of Kubernetes. */
const isName = (value: unknown): value is string => typeof value === "string" && value.length <= 253;

function listIn(value: unknown, field: string): readonly unknown[] {
  const list = isRecord(value) ? value[field] : undefined;
  return Array.isArray(list) ? list : [];
}
