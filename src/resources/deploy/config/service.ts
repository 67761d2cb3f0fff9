import type { ConnectRouter } from "@connectrpc/connect";
import {
  ConfigService,
  type ConfigServiceGetRequest,
  type ConfigServiceUpdateRequest,
  ConfigServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/config_pb.js";
import type { ConfigPatch } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type Accepted, acceptChange } from "../deployment/accept.js";
import { type Call, callOf } from "../deployment/call.js";
import { requestText } from "../deployment/request.js";
import { found as foundDeployment } from "../deployment/rules.js";
import { deploymentStore } from "../deployment/store.js";
import { changeAnswer } from "../deployment/views.js";
import { contentOf } from "../release/content.js";
import { planRelease } from "../release/plan.js";
import { found as foundRelease, keyOf } from "../release/rules.js";
import { releaseStore } from "../release/store.js";
import { configChangeOf } from "../spec/convert.js";
import { configurationMessage } from "../spec/messages.js";

/** deploy.v1.ConfigService: variables, files and mounts of secrets of deployments. */
export function registerConfig(router: ConnectRouter, platform: Platform): void {
  router.service(ConfigService, {
    get: async (request) => await getConfig(platform, request),
    async update(request, context) {
      const accepted = await updateConfig(platform, request, callOf(context));
      const isTrial = request.options?.validateOnly === true;
      const { release = {}, task = {} } = await changeAnswer(platform, accepted, { isTrial });
      return { release, task };
    },
  });
}

async function getConfig(platform: Platform, request: ConfigServiceGetRequest) {
  const { db } = platform;
  const key = keyOf(request);
  const deployment = foundDeployment(await deploymentStore.get(db, key), key.id);
  const number = request.release === 0 ? deployment.activeRelease : request.release;
  if (number === 0) return { configuration: {}, release: 0 };
  const row = foundRelease(await releaseStore.get(db, deployment.id, number), number);
  const content = await contentOf(platform, deployment, row);
  if (content === undefined) {
    throw new DomainError("precondition", `release ${number} has no configuration: it failed before it was made`);
  }
  return { configuration: configurationMessage(content.config, { values: true }), release: number };
}

async function updateConfig(
  platform: Platform,
  request: ConfigServiceUpdateRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { options, patch } = request;
  if (patch === undefined || isEmpty(patch)) throw invalidField("patch", "must set or unset something");
  const change = { config: configChangeOf("patch", patch) };
  const text = () => requestText(ConfigServiceUpdateRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, keyOf(request), () => ({
    plan: (tx, deployment, open, at) =>
      planRelease(platform, tx, { deployment, open, at }, { cause: "config", kind: "release", change }),
  }));
}

function isEmpty(patch: ConfigPatch): boolean {
  const { setVariables, setFiles, setSecretMounts, unsetVariables, unsetFiles, unsetSecretMounts } = patch;
  const lists = [setVariables, setFiles, setSecretMounts, unsetVariables, unsetFiles, unsetSecretMounts];
  return lists.every((list) => list.length === 0);
}
