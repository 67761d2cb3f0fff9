import type { KubeObject, ResourceName } from "../types.js";

/** Group of the simulated resources. */
export const coreGroup = "core.gardener.cloud";

export const shoots: ResourceName = { group: coreGroup, resource: "shoots" };
export const projects: ResourceName = { group: coreGroup, resource: "projects" };
export const cloudProfiles: ResourceName = { group: coreGroup, resource: "cloudprofiles" };
export const seeds: ResourceName = { group: coreGroup, resource: "seeds" };
export const credentialsBindings: ResourceName = { group: "security.gardener.cloud", resource: "credentialsbindings" };
export const namespaces: ResourceName = { group: "", resource: "namespaces" };
export const secrets: ResourceName = { group: "", resource: "secrets" };

/** The finalizer that keeps Shoots and Projects until the simulator has cleaned up. */
export const finalizer = "gardener";

/** Keys of labels and annotations, as Gardener uses them; the last one is the simulator's own. */
export const keys = {
  confirmDeletion: "confirmation.gardener.cloud/deletion",
  operation: "gardener.cloud/operation",
  status: "shoot.gardener.cloud/status",
  role: "gardener.cloud/role",
  projectName: "project.gardener.cloud/name",
  /** `<step>:<code>:<times>`, see docs/gardener.md. */
  fail: "simulator.slipway.dev/fail",
} as const;

export type OperationType = "Create" | "Reconcile" | "Delete";
export type OperationState = "Pending" | "Processing" | "Succeeded" | "Error" | "Failed" | "Aborted";

export type Worker = {
  name: string;
  machine: { type: string; image?: { name?: string; version?: string } };
  minimum: number;
  maximum: number;
  maxSurge?: number | string;
  maxUnavailable?: number | string;
  zones?: string[];
};

export type ShootSpec = {
  cloudProfile: { kind: string; name: string };
  credentialsBindingName?: string;
  secretBindingName?: string;
  region: string;
  purpose?: string;
  kubernetes: { version: string };
  networking?: { type?: string; pods?: string; nodes?: string; services?: string };
  hibernation?: { enabled?: boolean };
  maintenance?: {
    autoUpdate?: { kubernetesVersion?: boolean; machineImageVersion?: boolean };
    timeWindow?: { begin: string; end: string };
  };
  provider: { type: string; workers: Worker[] };
};

export type LastOperation = {
  type: OperationType;
  state: OperationState;
  progress: number;
  description: string;
  lastUpdateTime: string;
};

export type Condition = {
  type: string;
  status: "True" | "False" | "Progressing" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
  lastUpdateTime: string;
};

export type LastError = { description: string; taskID: string; codes: string[]; lastUpdateTime: string };

export type ShootStatus = {
  observedGeneration?: number;
  technicalID?: string;
  uid?: string;
  seedName?: string;
  hibernated?: boolean;
  gardener?: { id: string; name: string; version: string };
  lastOperation?: LastOperation;
  lastErrors?: LastError[];
  conditions?: Condition[];
  advertisedAddresses?: { name: string; url: string }[];
};

/** A Shoot that has passed admission. */
export type Shoot = KubeObject & { spec: ShootSpec; status?: ShootStatus };

export type CloudProfile = KubeObject & {
  spec: {
    type: string;
    kubernetes: { versions: { version: string; expirationDate?: string }[] };
    machineTypes: { name: string; cpu: string; memory: string }[];
    machineImages: { name: string; versions: { version: string }[] }[];
    regions: { name: string; zones?: { name: string }[] }[];
  };
};

export type Project = KubeObject & { spec: { namespace?: string; description?: string }; status?: { phase?: string } };

/** A time as Gardener writes it: RFC 3339 in whole seconds. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
