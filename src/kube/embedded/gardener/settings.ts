import type { KubeLog } from "../embedded-kube.js";
import type { MachineType } from "../machine-nodes.js";
import type { Engine } from "../workloads/engines/definitions.js";

/** What the simulated Gardener offers. */
export interface GardenerSimulatorOptions {
  /** N runs N times faster than 1, at which a cluster takes about 20 s. */
  readonly timeScale?: number;
  readonly clock?: () => Date;
  readonly log?: KubeLog;
  /** What clusters come with beside Kubernetes; default: all that there are. */
  readonly engines?: readonly Engine[];
  /** Regions with their zones; at least one. */
  readonly regions: readonly { readonly name: string; readonly zones: readonly string[] }[];
  readonly kubernetesVersions: readonly { readonly version: string; readonly expiration?: Date | undefined }[];
  readonly machineTypes: readonly MachineType[];
}

/** The names under which the simulator's own objects can be used, in the form of a partition's settings. */
export const simulatorSettings = {
  cloudProfile: { name: "slipway" },
  credentialsBinding: { name: "slipway", credentials: { namespace: "garden", name: "slipway" } },
  provider: { type: "metal" },
  networking: { type: "calico" },
} as const;
