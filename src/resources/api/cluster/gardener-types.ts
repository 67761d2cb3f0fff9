import type { KubeObject, ResourceType } from "../../../kube/objects.js";

/** Keys of the labels and annotations that Slipway sets or reads at Gardener; its own are domain-qualified. */
export const keys = {
  /** Uuid of the cluster, on its Shoot. */
  cluster: "slipway.dev/cluster",
  /** Uuid of the project, on its Gardener Project and its Shoots. */
  project: "slipway.dev/project",
  /** Partition, on Shoots. */
  partition: "slipway.dev/partition",
  /** Tenant, on Shoots and Gardener Projects; an annotation, for a login need not be a valid label value. */
  tenant: "slipway.dev/tenant",
  confirmDeletion: "confirmation.gardener.cloud/deletion",
  operation: "gardener.cloud/operation",
} as const;

/** Gardener Projects; cluster-scoped. */
export const gardenerProjects: ResourceType = {
  group: "core.gardener.cloud",
  version: "v1beta1",
  plural: "projects",
  kind: "Project",
};

/** Gardener Shoots. */
export const shoots: ResourceType = {
  group: "core.gardener.cloud",
  version: "v1beta1",
  plural: "shoots",
  kind: "Shoot",
};

/** Which credentials the Shoots of a namespace may use. */
export const credentialsBindings: ResourceType = {
  group: "security.gardener.cloud",
  version: "v1alpha1",
  plural: "credentialsbindings",
  kind: "CredentialsBinding",
};

/** What Slipway uses of a Gardener Project. */
export interface GardenerProject extends KubeObject {
  spec?: { namespace?: string; description?: string };
  status?: { phase?: string };
}

/** A CredentialsBinding; its fields are at the top level. */
export interface CredentialsBinding extends KubeObject {
  provider: { type: string };
  credentialsRef: { apiVersion: string; kind: string; namespace: string; name: string };
}

/** A pool of machines in a Shoot. */
export interface ShootWorker {
  name: string;
  machine: { type: string; image?: { name: string; version?: string } };
  minimum: number;
  maximum: number;
  maxSurge?: number | string;
  maxUnavailable?: number | string;
  volume?: { type?: string; size: string };
  zones?: string[];
}

/** The part of a Shoot's spec that Slipway writes. */
export interface ShootSpec {
  cloudProfile: { kind: string; name: string };
  credentialsBindingName?: string;
  region: string;
  purpose?: string;
  kubernetes: { version: string };
  networking?: Record<string, unknown>;
  maintenance: {
    autoUpdate: { kubernetesVersion: boolean; machineImageVersion: boolean };
    timeWindow: { begin: string; end: string };
  };
  provider: {
    type: string;
    infrastructureConfig?: Record<string, unknown>;
    controlPlaneConfig?: Record<string, unknown>;
    workers: ShootWorker[];
  };
}

/** The part of a Shoot's status that Slipway reads. */
export interface ShootStatus {
  /** The seed that runs the control plane. */
  readonly seedName?: string;
  observedGeneration?: number;
  lastOperation?: {
    type?: string;
    state?: string;
    progress?: number;
    description?: string;
    lastUpdateTime?: string;
  };
  lastErrors?: { description?: string; taskID?: string; codes?: string[]; lastUpdateTime?: string }[];
  conditions?: {
    type: string;
    status: string;
    reason?: string;
    message?: string;
    lastTransitionTime?: string;
    lastUpdateTime?: string;
  }[];
  technicalID?: string;
  advertisedAddresses?: { name: string; url: string }[];
}

/** A Shoot. */
export interface Shoot extends KubeObject {
  spec: ShootSpec;
  status?: ShootStatus;
}
