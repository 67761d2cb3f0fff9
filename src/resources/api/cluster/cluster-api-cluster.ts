import type { ClusterApiSettings } from "./cluster-api-settings.js";
import { type CapiCluster, type CapiClusterSpec, type CapiWorkers, capiKeys } from "./cluster-api-types.js";
import { filledIn, gardenerProjectName, newerOf } from "./gardener-shoot.js";
import { keys } from "./gardener-types.js";
import type { ClusterSpec, WorkerSpec } from "./kube.js";

/** The namespace that a project's Clusters are made in; those that are there stay where they are. */
export function capiNamespace(project: string, { namespacePrefix = "slipway-" }: ClusterApiSettings): string {
  return `${namespacePrefix}${gardenerProjectName(project)}`;
}

/**
 * The Cluster that Slipway applies; `current` is the one that is there already, `created` says whether it has been
 * available before.
 */
export function capiClusterOf(
  spec: ClusterSpec,
  settings: ClusterApiSettings,
  current: CapiCluster | undefined,
  created: boolean,
): CapiCluster {
  const { uid, namespace = capiNamespace(spec.project, settings) } = current?.metadata ?? {};
  return {
    metadata: {
      name: spec.name,
      namespace,
      // With the uid an apply that comes too late cannot bring back a Cluster that was deleted meanwhile.
      ...(uid === undefined ? {} : { uid }),
      labels: { [keys.cluster]: spec.id, [keys.project]: spec.project, [keys.partition]: spec.partition },
      annotations: { [keys.tenant]: spec.tenant, ...(created ? { [capiKeys.created]: "true" } : {}) },
    },
    spec: capiSpecOf(spec, settings, current?.spec.topology.version),
  };
}

function capiSpecOf(spec: ClusterSpec, settings: ClusterApiSettings, running: string | undefined): CapiClusterSpec {
  const { clusterClass, clusterNetwork, variables } = settings;
  return {
    ...(clusterNetwork && { clusterNetwork: { ...clusterNetwork } }),
    topology: {
      classRef: { name: clusterClass.name, namespace: clusterClass.namespace },
      version: `v${newerOf(spec.kubernetesVersion, running).replace(/^v/, "")}`,
      controlPlane: { replicas: settings.controlPlaneReplicas },
      workers: { machineDeployments: spec.workers.map((worker) => workersOf(worker, settings)) },
      ...(variables && {
        variables: Object.entries(variables).map(([name, value]) => ({ name, value: filledIn(value, spec) })),
      }),
    },
  };
}

function workersOf(worker: WorkerSpec, settings: ClusterApiSettings): CapiWorkers {
  const { minSize, maxSize, maxSurge, maxUnavailable, machineType } = worker;
  const { workerClasses = {}, workerClass, machineTypeVariable } = settings;
  const labels = { [capiKeys.pool]: worker.name };
  const scaled = minSize < maxSize;
  return {
    class: Object.hasOwn(workerClasses, machineType) ? (workerClasses[machineType] ?? workerClass) : workerClass,
    name: worker.name,
    // A number here would take back what the autoscaler decides.
    ...(scaled ? {} : { replicas: minSize }),
    metadata: {
      labels,
      ...(scaled && { annotations: { [capiKeys.minSize]: `${minSize}`, [capiKeys.maxSize]: `${maxSize}` } }),
    },
    // Cluster API refuses both at 0, which is what a caller sends who does not care.
    ...((maxSurge !== 0 || maxUnavailable !== 0) && {
      rollout: { strategy: { type: "RollingUpdate" as const, rollingUpdate: { maxSurge, maxUnavailable } } },
    }),
    ...(machineTypeVariable && { variables: { overrides: [{ name: machineTypeVariable, value: machineType }] } }),
  };
}
