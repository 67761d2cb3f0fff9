import { column } from "../columns.js";
import type { ResourceType } from "../extension.js";
import { capiGroup } from "./types.js";

const shared = { group: capiGroup, version: "v1beta2", namespaced: true, status: true, categories: ["cluster-api"] };

/** The resources of Cluster API that Slipway and its users meet. */
export const clusterApiResources: readonly ResourceType[] = [
  {
    ...shared,
    resource: "clusters",
    kind: "Cluster",
    shortNames: ["cl"],
    columns: [
      column("ClusterClass", ".spec.topology.classRef.name"),
      column("Available", '.status.conditions[?(@.type=="Available")].status'),
      column("CP Desired", ".status.controlPlane.desiredReplicas", "integer"),
      column("CP Available", ".status.controlPlane.availableReplicas", "integer"),
      column("CP Up-to-date", ".status.controlPlane.upToDateReplicas", "integer"),
      column("W Desired", ".status.workers.desiredReplicas", "integer"),
      column("W Available", ".status.workers.availableReplicas", "integer"),
      column("W Up-to-date", ".status.workers.upToDateReplicas", "integer"),
      column("Phase", ".status.phase"),
      column("Version", ".spec.topology.version"),
    ],
  },
  { ...shared, resource: "clusterclasses", kind: "ClusterClass", shortNames: ["cc"] },
  {
    ...shared,
    resource: "machinedeployments",
    kind: "MachineDeployment",
    shortNames: ["md"],
    columns: [
      column("Cluster", ".spec.clusterName"),
      column("Desired", ".spec.replicas", "integer"),
      column("Ready", ".status.readyReplicas", "integer"),
      column("Version", ".spec.template.spec.version"),
    ],
  },
  {
    ...shared,
    resource: "machines",
    kind: "Machine",
    shortNames: ["ma"],
    columns: [
      column("Cluster", ".spec.clusterName"),
      column("Node Name", ".status.nodeRef.name"),
      column("Phase", ".status.phase"),
      column("Version", ".spec.version"),
    ],
  },
];
