import type { ConnectRouter } from "@connectrpc/connect";
import { EnvironmentService } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import type { Platform } from "../../../platform.js";
import { createEnvironment, deleteEnvironment, updateEnvironment } from "./change.js";
import { labelsOf } from "./labels.js";
import { environmentMessage } from "./messages.js";
import { found } from "./rules.js";
import { type EnvironmentKey, type EnvironmentRow, environmentStore } from "./store.js";

/** deploy.v1.EnvironmentService: what deployments of a project have in common. */
export function registerEnvironment(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(EnvironmentService, {
    create: async (request) => ({ environment: environmentMessage(await createEnvironment(platform, request)) }),
    async get({ project, environment }) {
      return { environment: environmentMessage(await present(platform, { project, id: environment })) };
    },
    async list({ project, name, labels }) {
      const rows = await environmentStore.list(db, project, { name, labels: labelsOf("labels", labels) });
      return { environments: rows.map(environmentMessage) };
    },
    update: async (request) => ({ environment: environmentMessage(await updateEnvironment(platform, request)) }),
    async delete({ project, uuid }) {
      return { environment: environmentMessage(await deleteEnvironment(platform, { project, id: uuid })) };
    },
  });
}

async function present({ db }: Platform, key: EnvironmentKey): Promise<EnvironmentRow> {
  return found(await environmentStore.get(db, key), key.id);
}
