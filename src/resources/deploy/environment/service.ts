import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { EnvironmentService } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
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
    async update(request, context) {
      await demandProjectRole(platform, { project: request.project, id: request.environment }, context);
      return { environment: environmentMessage(await updateEnvironment(platform, request)) };
    },
    async delete({ project, environment: id }, context) {
      await demandProjectRole(platform, { project, id }, context);
      return { environment: environmentMessage(await deleteEnvironment(platform, { project, id })) };
    },
  });
}

async function present({ db }: Platform, key: EnvironmentKey): Promise<EnvironmentRow> {
  return found(await environmentStore.get(db, key), key.id);
}

/**
 * Refuses callers whose role is held in the environment alone: what it may use, and whether it is there, is the
 * project's affair.
 */
async function demandProjectRole(platform: Platform, key: EnvironmentKey, context: HandlerContext): Promise<void> {
  await present(platform, key);
  const method = `/${context.service.typeName}/${context.method.name}`;
  const decision = platform.methods.decide(callerOf(context), method, { project: key.project });
  if (decision?.allowed === false) throw new DomainError("denied", decision.message);
}
