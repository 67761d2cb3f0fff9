import { createDataPlanes, dataPlaneExtension, enginesOf } from "../data-plane/data-planes.js";
import type { EmbeddedKube, KubeLog } from "../embedded-kube.js";
import type { ApiExtension } from "../extension.js";
import type { Controller } from "../walks.js";
import { workloadExtension } from "../workloads/workloads.js";
import { gardenerAdmission } from "./admission.js";
import { startProjectController } from "./project-controller.js";
import { gardenerResources } from "./resource-types.js";
import { seedGarden } from "./seeding.js";
import type { GardenerSimulatorOptions } from "./settings.js";
import { startShootController } from "./shoot-controller.js";

/** A Gardener played by this process. */
export interface GardenerSimulator {
  /** To be given to the embedded API server: Gardener itself, and what runs inside of its clusters. */
  readonly extensions: readonly ApiExtension[];
  /** Begins to act on the server's objects; resolves after the CloudProfile is there. */
  start(embedded: EmbeddedKube): Promise<Controller>;
}

const silent: KubeLog = { error: () => undefined, warn: () => undefined };

/** Makes a simulator for an embedded API server. */
export function gardenerSimulator(options: GardenerSimulatorOptions): GardenerSimulator {
  const { timeScale = 1, clock = () => new Date(), log = silent } = options;
  if (!(timeScale > 0)) throw new Error("the time scale must be above 0");
  return {
    extensions: [
      { resources: gardenerResources, admit: gardenerAdmission(clock) },
      dataPlaneExtension,
      workloadExtension,
    ],
    async start(embedded) {
      await seedGarden(embedded.store, options);
      const dataPlanes = createDataPlanes({ clock, log, timeScale, ...enginesOf(options) });
      const settings = { embedded, clock, timeScale, log, dataPlanes };
      const controllers = [startProjectController(settings), startShootController(settings)];
      return {
        stop: async () => {
          await Promise.all(controllers.map((controller) => controller.stop()));
          await dataPlanes.stopAll();
        },
      };
    },
  };
}
