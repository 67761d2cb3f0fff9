import type { KubeObject, ResourceName } from "../types.js";

/** Group of the simulated resources. */
export const capiGroup = "cluster.x-k8s.io";

export const clusters: ResourceName = { group: capiGroup, resource: "clusters" };
export const clusterClasses: ResourceName = { group: capiGroup, resource: "clusterclasses" };
export const machineDeployments: ResourceName = { group: capiGroup, resource: "machinedeployments" };
export const machines: ResourceName = { group: capiGroup, resource: "machines" };
export const signingRequests: ResourceName = { group: "certificates.k8s.io", resource: "certificatesigningrequests" };

/** The finalizer that keeps a Cluster until the simulator has cleaned up. */
export const finalizer = "cluster.cluster.x-k8s.io";

/** Keys of labels and annotations, as Cluster API uses them; the last three are the simulator's own. */
export const keys = {
  clusterName: "cluster.x-k8s.io/cluster-name",
  controlPlane: "cluster.x-k8s.io/control-plane",
  deploymentName: "topology.cluster.x-k8s.io/deployment-name",
  minSize: "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size",
  /** What a worker's Machine was made as. */
  machineType: "simulator.slipway.dev/machine-type",
  /** Where the simulation is: `<operation>/<step>/<generation>`, with `idle` as the operation when it is done. */
  step: "simulator.slipway.dev/step",
  /** `<step>:<code>:<times>`, see docs/cluster-api.md. */
  fail: "simulator.slipway.dev/fail",
} as const;

export type Variable = { name: string; value: unknown };

export type Workers = {
  class: string;
  name: string;
  replicas?: number;
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  variables?: { overrides?: Variable[] };
};

export type Topology = {
  classRef: { name: string; namespace?: string };
  version: string;
  controlPlane?: { replicas?: number };
  workers?: { machineDeployments?: Workers[] };
  variables?: Variable[];
};

export type Replicas = {
  desiredReplicas: number;
  replicas: number;
  readyReplicas: number;
  availableReplicas: number;
  upToDateReplicas: number;
};

export type Condition = {
  type: string;
  status: "True" | "False" | "Unknown";
  observedGeneration: number;
  reason: string;
  message: string;
  lastTransitionTime: string;
};

export type ClusterStatus = {
  observedGeneration?: number;
  phase?: string;
  initialization?: { infrastructureProvisioned?: boolean; controlPlaneInitialized?: boolean };
  controlPlane?: Replicas;
  workers?: Replicas;
  conditions?: Condition[];
};

/** A Cluster that has passed admission. */
export type Cluster = KubeObject & {
  spec: { paused?: boolean; topology: Topology; controlPlaneEndpoint?: { host: string; port: number } };
  status?: ClusterStatus;
};

export type ClusterClass = KubeObject & {
  spec: {
    workers: { machineDeployments: { class: string }[] };
    variables: { name: string }[];
  };
};

/** The name of the virtual cluster behind a Cluster; a later namesake has another. */
export function virtualName({ metadata }: KubeObject): string {
  return `${virtualPrefix}${metadata.uid}`;
}

/** How the names of virtual clusters of this simulator begin. */
export const virtualPrefix = "capi--";

/** How many machines a group begins with: without a number of its own, as few as the autoscaler may leave. */
export function sizeOf({ replicas, metadata }: Workers): number {
  return replicas ?? Number(metadata?.annotations?.[keys.minSize] ?? 1);
}
