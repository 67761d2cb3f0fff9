import type { KubeLog } from "../embedded-kube.js";
import type { MachineType } from "../machine-nodes.js";
import type { Engine } from "../workloads/engines/definitions.js";

/** What the simulated Cluster API works with. */
export interface ClusterApiSimulatorOptions {
  /** N runs N times faster than 1, at which a cluster takes about 20 s. */
  readonly timeScale?: number;
  readonly clock?: () => Date;
  readonly log?: KubeLog;
  /** What clusters come with beside Kubernetes; default: all that there are. */
  readonly engines?: readonly Engine[];
  /** What the machines of these types bring. */
  readonly machineTypes: readonly MachineType[];
}

/** The ClusterClass that the simulator brings, in the form of a partition's settings. */
export const clusterApiSimulatorSettings = {
  clusterClass: { name: "slipway", namespace: "capi" },
  controlPlaneReplicas: 3,
  workerClass: "default-worker",
  machineTypeVariable: "machineType",
} as const;
