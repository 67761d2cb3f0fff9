import type { KubeLog } from "../embedded-kube.js";
import type { ApiExtension } from "../extension.js";
import type { ObjectStore } from "../types.js";
import { type Controller, startController } from "./controller.js";
import { deploymentController } from "./deployments.js";
import { createEventRecorder } from "./events.js";
import { kubelet } from "./kubelet.js";
import { readLogs } from "./logs.js";
import { pods, replicaSets } from "./names.js";
import { nodeController } from "./node-lifecycle.js";
import { createObjectIndex, keysOfOwners, keysOfPod } from "./object-index.js";
import { execute } from "./pod-processes.js";
import { admitWithinQuota, quotaController } from "./quota.js";
import { createReadiness } from "./readiness.js";
import { replicaSetController } from "./replica-sets.js";
import { scheduler } from "./scheduler.js";
import { createTurns, createWaits, type World } from "./world.js";

/** Logs, commands and quotas of pods, in every cluster of the server. */
export const workloadExtension: ApiExtension = {
  resources: [],
  appliesTo: () => true,
  admit: admitWithinQuota,
  pods: { logs: readLogs, exec: execute },
};

/** How the workloads of a cluster are played. */
export interface WorkloadOptions {
  readonly clock: () => Date;
  /** N runs N times faster. */
  readonly timeScale: number;
  readonly log: KubeLog;
}

/** Workloads that are being played; `stop` resolves when nothing of it runs any more. */
export interface Workloads {
  stop(): Promise<void>;
}

/** Plays controllers, scheduler and kubelets in one cluster. What they know is in the objects, so a restart goes on. */
export function startWorkloads(store: ObjectStore, options: WorkloadOptions): Workloads {
  const { clock, timeScale, log } = options;
  const index = createObjectIndex(store, [pods], keysOfPod);
  const owned = createObjectIndex(store, [replicaSets], keysOfOwners);
  const readiness = createReadiness(store, options);
  const events = createEventRecorder(store, clock);
  const world: World = {
    store,
    clock,
    timeScale,
    log,
    pods: index,
    owned,
    events,
    waits: createWaits(timeScale),
    readyFor: readiness.readyFor,
    alone: createTurns(),
  };
  const stops = controllers().map((controller) => startController(controller, world));
  return {
    async stop() {
      await Promise.all(stops.map((stop) => stop()));
      for (const part of [index, owned, readiness]) part.stop();
      await events.stop();
    },
  };
}

function controllers(): Controller[] {
  return [nodeController, scheduler(), kubelet(), quotaController, replicaSetController, deploymentController];
}
