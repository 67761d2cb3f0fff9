import type { KubeObject, ResourceType } from "../../../kube/objects.js";

/** Keys that Slipway sets or reads at Cluster API beside its own labels. */
export const capiKeys = {
  /** "true" once a cluster has been available; its changes are then no longer its creation. */
  created: "slipway.dev/created",
  /** RFC 3339; a change of it makes the controllers look again. */
  reconcile: "slipway.dev/reconcile-requested-at",
  minSize: "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size",
  maxSize: "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size",
  /** Name of the group of machines; Cluster API copies labels of this domain to the nodes. */
  pool: "node.cluster.x-k8s.io/pool",
  controlPlane: "node-role.kubernetes.io/control-plane",
} as const;

/** Clusters of Cluster API. */
export const capiClusters: ResourceType = {
  group: "cluster.x-k8s.io",
  version: "v1beta2",
  plural: "clusters",
  kind: "Cluster",
};

/** Requests for certificates, inside of clusters. */
export const signingRequests: ResourceType = {
  group: "certificates.k8s.io",
  version: "v1",
  plural: "certificatesigningrequests",
  kind: "CertificateSigningRequest",
};

/** Who holds which ClusterRole, inside of clusters. */
export const clusterRoleBindings: ResourceType = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural: "clusterrolebindings",
  kind: "ClusterRoleBinding",
};

/** A value for one of the variables that a ClusterClass declares. */
export interface CapiVariable {
  name: string;
  value: unknown;
}

/** A group of machines in a topology. */
export interface CapiWorkers {
  class: string;
  name: string;
  /** Absent where the autoscaler decides. */
  replicas?: number;
  metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
  rollout?: {
    strategy: { type: "RollingUpdate"; rollingUpdate: { maxSurge: number; maxUnavailable: number } };
  };
  variables?: { overrides: CapiVariable[] };
}

/** The part of a Cluster's spec that Slipway writes. */
export interface CapiClusterSpec {
  paused?: boolean;
  clusterNetwork?: Record<string, unknown>;
  topology: {
    classRef: { name: string; namespace: string };
    /** With a leading "v". */
    version: string;
    controlPlane: { replicas: number };
    workers: { machineDeployments: CapiWorkers[] };
    variables?: CapiVariable[];
  };
}

/** How many machines there shall be and are. */
export interface CapiReplicas {
  desiredReplicas?: number;
  replicas?: number;
  readyReplicas?: number;
  upToDateReplicas?: number;
}

/** One condition of a Cluster; True is not always good, as with Deleting. */
export interface CapiCondition {
  type: string;
  status: string;
  observedGeneration?: number;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

/** The part of a Cluster's status that Slipway reads. */
export interface CapiClusterStatus {
  observedGeneration?: number;
  conditions?: CapiCondition[];
  controlPlane?: CapiReplicas;
  workers?: CapiReplicas;
}

/** A Cluster. */
export interface CapiCluster extends KubeObject {
  spec: CapiClusterSpec;
  status?: CapiClusterStatus;
}

/** A request for a certificate; `request` and `certificate` are PEM in base64. */
export interface SigningRequest extends KubeObject {
  spec: { request: string; signerName: string; expirationSeconds: number; usages: string[] };
  status?: { certificate?: string; conditions?: CapiCondition[] };
}

/** A ClusterRoleBinding; its fields are at the top level. */
export interface ClusterRoleBinding extends KubeObject {
  roleRef: { apiGroup: string; kind: string; name: string };
  subjects: { apiGroup: string; kind: string; name: string }[];
}
