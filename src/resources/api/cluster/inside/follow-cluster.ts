import type { Logger } from "pino";
import { withoutValues } from "../../../../db/errors.js";
import { type KubeClient, openKube } from "../../../../kube/client.js";
import { pathOf, type ResourceType } from "../../../../kube/objects.js";
import { pause } from "../../../../pause.js";
import type { ClusterBackend } from "../kube.js";
import type { ClusterRow } from "../store.js";
import { type FollowedObjects, followedObjects } from "./objects.js";
import type { InsideReader } from "./reader.js";

/** How long the kubeconfig for following holds, and after how much of it a new one is taken. */
const accessSeconds = 86_400;
const renewMs = (accessSeconds * 1000) / 2;
/** Changes that come within this time are taken in together. */
const gatherMs = 50;
const retry = { minMs: 500, maxMs: 30_000 };

/** Follows what is inside of one cluster for all readers, until the signal aborts. */
export async function followCluster(
  cluster: ClusterRow,
  backend: ClusterBackend,
  readers: readonly InsideReader[],
  options: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const { signal, log } = options;
  for (let failures = 0; !signal.aborted; ) {
    try {
      const kubeconfig = await backend.kubeconfig(cluster, accessSeconds, signal);
      failures = 0;
      await followOnce(openKube({ kubeconfig, log }), cluster, readers, options);
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      log.warn({ err: withoutValues(error), cluster: cluster.id }, "a cluster cannot be looked into");
      await pause(backoff(failures), signal);
    }
  }
}

/** Follows until it is time for new access. */
async function followOnce(
  client: KubeClient,
  cluster: ClusterRow,
  readers: readonly InsideReader[],
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const turn = new AbortController();
  const end = (): void => turn.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const renewal = setTimeout(end, renewMs);
  const types = new Map(readers.flatMap((reader) => reader.types).map((type) => [pathOf(type), type]));
  const objects = followedObjects(client, [...types.values()], { signal: turn.signal, log });
  const settlers = readers.map((reader) => settler(reader, cluster, objects, { signal: turn.signal, log }));
  try {
    await objects.follow((type) => {
      for (const { concerns, wake } of settlers) if (concerns(type)) wake();
    });
    await Promise.all(settlers.map(({ finished }) => finished()));
  } finally {
    clearTimeout(renewal);
    signal.removeEventListener("abort", end);
    client.close();
  }
}

/** Lets one reader take in the objects after changes, one call at a time, and again when it failed. */
function settler(
  reader: InsideReader,
  cluster: ClusterRow,
  objects: FollowedObjects,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
) {
  let due = false;
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    for (let failures = 0; due && !signal.aborted; ) {
      await pause(failures === 0 ? gatherMs : backoff(failures), signal);
      if (signal.aborted) return;
      due = false;
      try {
        await reader.settle(cluster, objects, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        due = true;
        failures += 1;
        log.warn({ err: withoutValues(error), cluster: cluster.id, reader: reader.name }, "reading a cluster failed");
      }
    }
  };
  const start = (): void => {
    working ??= work().finally(() => {
      working = undefined;
      // A change may have come after the last look and before this.
      if (due && !signal.aborted) start();
    });
  };
  return {
    concerns: (type: ResourceType) => reader.types.some((one) => pathOf(one) === pathOf(type)),
    wake(): void {
      if (!objects.isRead(reader.types)) return;
      due = true;
      start();
    },
    finished: async (): Promise<void> => await working,
  };
}

const backoff = (failures: number): number => Math.min(retry.maxMs, retry.minMs * 2 ** Math.min(failures, 10));
