import { createDataPlanes, dataPlaneExtension, enginesOf } from "../data-plane/data-planes.js";
import type { EmbeddedKube, KubeLog } from "../embedded-kube.js";
import type { ApiExtension } from "../extension.js";
import type { NewObject, ObjectStore, ResourceName } from "../types.js";
import type { Controller } from "../walks.js";
import { workloadExtension } from "../workloads/workloads.js";
import { clusterApiAdmission } from "./admission.js";
import { startClusterController } from "./cluster-controller.js";
import { clusterApiResources } from "./resource-types.js";
import { roleBindingExtension } from "./role-bindings.js";
import { type ClusterApiSimulatorOptions, clusterApiSimulatorSettings } from "./settings.js";
import { signingExtension } from "./signing.js";
import { clusterClasses } from "./types.js";
import { createVirtualClusters } from "./virtual.js";

/** A Cluster API played by this process. */
export interface ClusterApiSimulator {
  /**
   * To be given to the embedded API server: Cluster API itself, and what runs inside of its clusters. An extension
   * that another simulator brings as well is the same object, and must be given once.
   */
  readonly extensions: readonly ApiExtension[];
  /** Begins to act on the server's objects; resolves after the ClusterClass is there. */
  start(embedded: EmbeddedKube): Promise<Controller>;
}

const silent: KubeLog = { error: () => undefined, warn: () => undefined };

/** Makes a simulator for an embedded API server. */
export function clusterApiSimulator(options: ClusterApiSimulatorOptions): ClusterApiSimulator {
  const { timeScale = 1, clock = () => new Date(), log = silent, machineTypes } = options;
  if (!(timeScale > 0)) throw new Error("the time scale must be above 0");
  return {
    extensions: [
      { resources: clusterApiResources, admit: clusterApiAdmission },
      signingExtension,
      roleBindingExtension,
      dataPlaneExtension,
      workloadExtension,
    ],
    async start(embedded) {
      await seedClass(embedded.store);
      const virtual = createVirtualClusters(
        embedded,
        createDataPlanes({ clock, log, timeScale, ...enginesOf(options) }),
        log,
      );
      const controller = startClusterController({ embedded, virtual, clock, timeScale, log, machineTypes });
      return {
        stop: async () => {
          await controller.stop();
          await virtual.stop();
        },
      };
    },
  };
}

/** Makes the ClusterClass that an operator would. */
async function seedClass(store: ObjectStore): Promise<void> {
  const { clusterClass, workerClass, machineTypeVariable } = clusterApiSimulatorSettings;
  const schema = { openAPIV3Schema: { type: "string" } };
  await putOnce(store, { group: "", resource: "namespaces" }, { metadata: { name: clusterClass.namespace } });
  await putOnce(store, clusterClasses, {
    metadata: { ...clusterClass },
    spec: {
      workers: { machineDeployments: [{ class: workerClass }] },
      variables: [{ name: machineTypeVariable, required: false, schema }],
    },
  });
}

async function putOnce(store: ObjectStore, resource: ResourceName, object: NewObject): Promise<void> {
  const { name = "", namespace } = object.metadata;
  if (store.get({ ...resource, name, namespace }) === undefined) await store.create(resource, object);
}
