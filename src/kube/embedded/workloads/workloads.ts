import type { KubeLog } from "../embedded-kube.js";
import type { ApiExtension } from "../extension.js";
import type { ObjectStore } from "../types.js";
import { autoscalerController } from "./autoscalers.js";
import { budgetController } from "./budgets.js";
import { type Controller, startController } from "./controller.js";
import { cronJobController } from "./cron-jobs.js";
import { daemonSetController } from "./daemon-sets.js";
import { deploymentController } from "./deployments.js";
import { applicationController } from "./engines/applications.js";
import { certificateControllers } from "./engines/certificates.js";
import { engines as allEngines, defineEngines, type Engine } from "./engines/definitions.js";
import { sourceControllers } from "./engines/flux-sources.js";
import { helmReleaseController } from "./engines/helm-releases.js";
import { createEventRecorder } from "./events.js";
import { ingressController, seedIngressClass } from "./ingresses.js";
import { jobController } from "./jobs.js";
import { kubelet } from "./kubelet.js";
import { readLogs } from "./logs.js";
import { keysOfLooking, lookingResources } from "./lookups.js";
import { jobs, pods, replicaSets, revisions, slices } from "./names.js";
import { nodeController } from "./node-lifecycle.js";
import { createObjectIndex, keysOfOwners, keysOfPod } from "./object-index.js";
import { execute } from "./pod-processes.js";
import { admitWithinQuota, quotaController } from "./quota.js";
import { createReadiness } from "./readiness.js";
import { replicaSetController } from "./replica-sets.js";
import { scheduler } from "./scheduler.js";
import { serviceController } from "./services.js";
import { statefulSetController } from "./stateful-sets.js";
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
  /** What else is installed; default: all that there are. */
  readonly engines?: readonly Engine[];
}

/** Workloads that are being played; `stop` resolves when nothing of it runs any more. */
export interface Workloads {
  stop(): Promise<void>;
}

/** Plays controllers, scheduler and kubelets in one cluster. What they know is in the objects, so a restart goes on. */
export function startWorkloads(store: ObjectStore, options: WorkloadOptions): Workloads {
  const { clock, timeScale, log, engines = allEngines } = options;
  const index = createObjectIndex(store, [pods], keysOfPod);
  const owned = createObjectIndex(store, [replicaSets, revisions, jobs, slices], keysOfOwners);
  const lookups = createObjectIndex(store, lookingResources, keysOfLooking);
  const readiness = createReadiness(store, options);
  const events = createEventRecorder(store, clock);
  const world: World = {
    store,
    clock,
    timeScale,
    log,
    pods: index,
    owned,
    lookups,
    events,
    waits: createWaits(timeScale),
    readyFor: readiness.readyFor,
    alone: createTurns(),
  };
  const stops = controllers().map((controller) => startController(controller, world));
  const seeded = seed(store, engines)
    .then(() => stops.push(...engineControllers(engines).map((controller) => startController(controller, world))))
    .catch((error: unknown) => log.error({ err: error }, "what a cluster comes with could not be made"));
  return {
    async stop() {
      await seeded;
      await Promise.all(stops.map((stop) => stop()));
      for (const part of [index, owned, lookups, readiness]) part.stop();
      await events.stop();
    },
  };
}

function controllers(): Controller[] {
  return [
    nodeController,
    scheduler(),
    kubelet(),
    quotaController,
    replicaSetController,
    deploymentController,
    statefulSetController,
    daemonSetController,
    jobController,
    cronJobController,
    serviceController,
    ingressController,
    autoscalerController,
    budgetController,
  ];
}

async function seed(store: ObjectStore, engines: readonly Engine[]): Promise<void> {
  await seedIngressClass(store);
  await defineEngines(store, engines);
}

function engineControllers(engines: readonly Engine[]): Controller[] {
  const all: Readonly<Record<Engine, readonly Controller[]>> = {
    flux: [...sourceControllers, helmReleaseController],
    argocd: [applicationController],
    "cert-manager": certificateControllers,
  };
  return engines.flatMap((engine) => all[engine]);
}
