import type { ResourceType } from "./extension.js";
import { eviction } from "./workloads/eviction.js";

const replicas = {
  specReplicas: ".spec.replicas",
  statusReplicas: ".status.replicas",
  labelSelector: ".spec.selector",
};

type Extras = Omit<Partial<ResourceType>, "group" | "version" | "resource" | "kind" | "namespaced">;

function typesOf(group: string, version: string, rows: readonly Row[]): ResourceType[] {
  return rows.map(([resource, kind, scope, extras = {}]) => ({
    group,
    version,
    resource,
    kind,
    namespaced: scope === "namespaced",
    status: false,
    generation: false,
    ...extras,
  }));
}

type Row = readonly [resource: string, kind: string, scope: "namespaced" | "cluster", extras?: Extras];

const all = { categories: ["all"] };
const tracked = { status: true, generation: true };

/** The resources of upstream that every virtual cluster serves and stores. */
export const builtinTypes: readonly ResourceType[] = [
  ...typesOf("", "v1", [
    ["namespaces", "Namespace", "cluster", { shortNames: ["ns"], status: true }],
    ["nodes", "Node", "cluster", { shortNames: ["no"], status: true }],
    ["persistentvolumes", "PersistentVolume", "cluster", { shortNames: ["pv"], status: true }],
    ["persistentvolumeclaims", "PersistentVolumeClaim", "namespaced", { shortNames: ["pvc"], status: true }],
    ["pods", "Pod", "namespaced", { shortNames: ["po"], status: true, subresources: { eviction }, ...all }],
    ["services", "Service", "namespaced", { shortNames: ["svc"], status: true, ...all }],
    ["configmaps", "ConfigMap", "namespaced", { shortNames: ["cm"] }],
    ["secrets", "Secret", "namespaced"],
    ["serviceaccounts", "ServiceAccount", "namespaced", { shortNames: ["sa"] }],
    ["endpoints", "Endpoints", "namespaced", { shortNames: ["ep"] }],
    ["events", "Event", "namespaced", { shortNames: ["ev"] }],
    ["limitranges", "LimitRange", "namespaced", { shortNames: ["limits"] }],
    ["resourcequotas", "ResourceQuota", "namespaced", { shortNames: ["quota"], status: true }],
    ["podtemplates", "PodTemplate", "namespaced", { generation: true }],
    [
      "replicationcontrollers",
      "ReplicationController",
      "namespaced",
      { shortNames: ["rc"], ...tracked, scale: replicas, ...all },
    ],
  ]),
  ...typesOf("apps", "v1", [
    ["deployments", "Deployment", "namespaced", { shortNames: ["deploy"], ...tracked, scale: replicas, ...all }],
    ["replicasets", "ReplicaSet", "namespaced", { shortNames: ["rs"], ...tracked, scale: replicas, ...all }],
    ["statefulsets", "StatefulSet", "namespaced", { shortNames: ["sts"], ...tracked, scale: replicas, ...all }],
    ["daemonsets", "DaemonSet", "namespaced", { shortNames: ["ds"], ...tracked, ...all }],
    ["controllerrevisions", "ControllerRevision", "namespaced"],
  ]),
  ...typesOf("batch", "v1", [
    ["jobs", "Job", "namespaced", { ...tracked, ...all }],
    ["cronjobs", "CronJob", "namespaced", { shortNames: ["cj"], ...tracked, ...all }],
  ]),
  ...typesOf("networking.k8s.io", "v1", [
    ["ingresses", "Ingress", "namespaced", { shortNames: ["ing"], ...tracked }],
    ["ingressclasses", "IngressClass", "cluster", { generation: true }],
    ["networkpolicies", "NetworkPolicy", "namespaced", { shortNames: ["netpol"], generation: true }],
  ]),
  ...typesOf("storage.k8s.io", "v1", [
    ["storageclasses", "StorageClass", "cluster", { shortNames: ["sc"] }],
    ["volumeattachments", "VolumeAttachment", "cluster", { status: true }],
    ["csinodes", "CSINode", "cluster"],
    ["csidrivers", "CSIDriver", "cluster"],
  ]),
  ...typesOf("autoscaling", "v2", [
    [
      "horizontalpodautoscalers",
      "HorizontalPodAutoscaler",
      "namespaced",
      { shortNames: ["hpa"], status: true, ...all },
    ],
  ]),
  ...typesOf("coordination.k8s.io", "v1", [["leases", "Lease", "namespaced"]]),
  ...typesOf("discovery.k8s.io", "v1", [["endpointslices", "EndpointSlice", "namespaced"]]),
  ...typesOf("events.k8s.io", "v1", [["events", "Event", "namespaced", { shortNames: ["ev"] }]]),
  ...typesOf("policy", "v1", [
    ["poddisruptionbudgets", "PodDisruptionBudget", "namespaced", { shortNames: ["pdb"], ...tracked }],
  ]),
  ...typesOf("rbac.authorization.k8s.io", "v1", [
    ["roles", "Role", "namespaced"],
    ["rolebindings", "RoleBinding", "namespaced"],
    ["clusterroles", "ClusterRole", "cluster"],
    ["clusterrolebindings", "ClusterRoleBinding", "cluster"],
  ]),
  ...typesOf("scheduling.k8s.io", "v1", [["priorityclasses", "PriorityClass", "cluster", { shortNames: ["pc"] }]]),
  ...typesOf("apiextensions.k8s.io", "v1", [
    [
      "customresourcedefinitions",
      "CustomResourceDefinition",
      "cluster",
      { shortNames: ["crd", "crds"], categories: ["api-extensions"], ...tracked },
    ],
  ]),
];

/** Field selectors of built-in resources besides metadata.name and metadata.namespace, by "group/resource". */
export const builtinFieldLabels: Readonly<Record<string, readonly string[]>> = {
  "/pods": ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"],
  "/nodes": ["spec.unschedulable"],
  "/namespaces": ["status.phase"],
  "/secrets": ["type"],
  "/services": ["spec.clusterIP", "spec.type"],
  "/replicationcontrollers": ["status.replicas"],
  "/events": [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  "events.k8s.io/events": [
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "reason",
    "reportingController",
    "type",
  ],
  "apps/replicasets": ["status.replicas"],
  "batch/jobs": ["status.successful"],
};
