import type { ResourceName } from "../types.js";

export const pods: ResourceName = { group: "", resource: "pods" };
export const nodes: ResourceName = { group: "", resource: "nodes" };
export const services: ResourceName = { group: "", resource: "services" };
export const claims: ResourceName = { group: "", resource: "persistentvolumeclaims" };
export const configMaps: ResourceName = { group: "", resource: "configmaps" };
export const secrets: ResourceName = { group: "", resource: "secrets" };
export const events: ResourceName = { group: "", resource: "events" };
export const quotas: ResourceName = { group: "", resource: "resourcequotas" };
export const deployments: ResourceName = { group: "apps", resource: "deployments" };
export const replicaSets: ResourceName = { group: "apps", resource: "replicasets" };
export const statefulSets: ResourceName = { group: "apps", resource: "statefulsets" };
export const daemonSets: ResourceName = { group: "apps", resource: "daemonsets" };
export const revisions: ResourceName = { group: "apps", resource: "controllerrevisions" };
export const jobs: ResourceName = { group: "batch", resource: "jobs" };
export const cronJobs: ResourceName = { group: "batch", resource: "cronjobs" };
export const autoscalers: ResourceName = { group: "autoscaling", resource: "horizontalpodautoscalers" };
export const budgets: ResourceName = { group: "policy", resource: "poddisruptionbudgets" };
export const slices: ResourceName = { group: "discovery.k8s.io", resource: "endpointslices" };
export const ingresses: ResourceName = { group: "networking.k8s.io", resource: "ingresses" };
export const ingressClasses: ResourceName = { group: "networking.k8s.io", resource: "ingressclasses" };

/** Holds a pod in deletion until its containers have ended. */
export const podFinalizer = "simulator.slipway.dev/kubelet";

/** Annotations by which pods (or their templates), nodes and autoscalers tell the simulator how to behave. */
export const asks = {
  /** One of `podFaults`, or `node-lost` at a node. */
  fault: "simulator.slipway.dev/fault",
  /** The exit code of containers that end. */
  exitCode: "simulator.slipway.dev/exit-code",
  /** How long containers run until they end, such as "3s"; without it those of services never do. */
  runFor: "simulator.slipway.dev/run-for",
  /** How long after its start a container is ready. */
  readyAfter: "simulator.slipway.dev/ready-after",
  /** How long a container takes to end when it is told to. */
  stopAfter: "simulator.slipway.dev/stop-after",
  /** Lines that a container writes at its start. */
  log: "simulator.slipway.dev/log",
  /** How often a container writes a line, in real time; "0" for never. */
  logEvery: "simulator.slipway.dev/log-every",
  /** At an autoscaler: what all replicas have to bear together, in percent of the request of one. */
  load: "simulator.slipway.dev/load",
} as const;
