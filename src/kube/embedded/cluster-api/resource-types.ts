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
      { name: "ClusterClass", type: "string", jsonPath: ".spec.topology.classRef.name" },
      { name: "Available", type: "string", jsonPath: '.status.conditions[?(@.type=="Available")].status' },
      { name: "CP Desired", type: "integer", jsonPath: ".status.controlPlane.desiredReplicas" },
      { name: "CP Available", type: "integer", jsonPath: ".status.controlPlane.availableReplicas" },
      { name: "CP Up-to-date", type: "integer", jsonPath: ".status.controlPlane.upToDateReplicas" },
      { name: "W Desired", type: "integer", jsonPath: ".status.workers.desiredReplicas" },
      { name: "W Available", type: "integer", jsonPath: ".status.workers.availableReplicas" },
      { name: "W Up-to-date", type: "integer", jsonPath: ".status.workers.upToDateReplicas" },
      { name: "Phase", type: "string", jsonPath: ".status.phase" },
      { name: "Version", type: "string", jsonPath: ".spec.topology.version" },
    ],
  },
  { ...shared, resource: "clusterclasses", kind: "ClusterClass", shortNames: ["cc"] },
  {
    ...shared,
    resource: "machinedeployments",
    kind: "MachineDeployment",
    shortNames: ["md"],
    columns: [
      { name: "Cluster", type: "string", jsonPath: ".spec.clusterName" },
      { name: "Desired", type: "integer", jsonPath: ".spec.replicas" },
      { name: "Ready", type: "integer", jsonPath: ".status.readyReplicas" },
      { name: "Version", type: "string", jsonPath: ".spec.template.spec.version" },
    ],
  },
  {
    ...shared,
    resource: "machines",
    kind: "Machine",
    shortNames: ["ma"],
    columns: [
      { name: "Cluster", type: "string", jsonPath: ".spec.clusterName" },
      { name: "Node Name", type: "string", jsonPath: ".status.nodeRef.name" },
      { name: "Phase", type: "string", jsonPath: ".status.phase" },
      { name: "Version", type: "string", jsonPath: ".spec.version" },
    ],
  },
];
