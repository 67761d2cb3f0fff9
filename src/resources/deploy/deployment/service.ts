import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  DeploymentService,
  type DeploymentServiceListRequest,
  type DeploymentServiceListResponseSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { TaskOptions } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Platform } from "../../../platform.js";
import { labelsOf } from "../environment/labels.js";
import { cutAt, pageTokenParts, uuidPart } from "../keyset.js";
import type { Accepted } from "./accept.js";
import { invokeAction } from "./action.js";
import { callOf } from "./call.js";
import { connectionInfo } from "./connection.js";
import { createDeployment } from "./create.js";
import { revealCredentials } from "./credentials.js";
import { deleteDeployment } from "./delete.js";
import { phaseOf } from "./messages.js";
import { moveDeployment } from "./move.js";
import { restartDeployment, startDeployment, stopDeployment } from "./power.js";
import { previewChange } from "./preview.js";
import { found } from "./rules.js";
import { scaleDeployment, setAutoscale } from "./scale.js";
import { deploymentStore } from "./store.js";
import { updateDeployment } from "./update.js";
import { changeAnswer, deploymentMessages } from "./views.js";
import { watchDeployments } from "./watch.js";

/** deploy.v1.DeploymentService: applications and charts on targets. */
export function registerDeployment(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  /** Accepts a change and shows it. */
  const changing =
    <Request extends { readonly options?: TaskOptions | undefined }>(
      change: (platform: Platform, request: Request, call: ReturnType<typeof callOf>) => Promise<Accepted>,
    ) =>
    async (request: Request, context: Parameters<typeof callOf>[0]) => {
      const accepted = await change(platform, request, callOf(context));
      return await changeAnswer(platform, accepted, { isTrial: request.options?.validateOnly === true });
    };
  router.service(DeploymentService, {
    create: changing(createDeployment),
    update: changing(updateDeployment),
    delete: changing(deleteDeployment),
    scale: changing(scaleDeployment),
    setAutoscale: changing(setAutoscale),
    start: changing(startDeployment),
    stop: changing(stopDeployment),
    restart: changing(restartDeployment),
    move: changing(moveDeployment),
    invokeAction: changing(invokeAction),
    async get({ project, environment, deployment: id }) {
      const row = found(await deploymentStore.get(db, { project, environment, id }), id);
      const [deployment = {}] = await deploymentMessages(platform, db, [row]);
      return { deployment };
    },
    list: async (request) => await listDeployments(platform, request),
    watch: watchDeployments(platform),
    preview: async (request, context) => await previewChange(platform, request, callOf(context).actor, context.signal),
    getConnectionInfo: async (request, { signal }) => await connectionInfo(platform, request, signal),
    revealCredentials: async (request) => ({ values: await revealCredentials(platform, request) }),
  });
}

async function listDeployments(
  platform: Platform,
  request: DeploymentServiceListRequest,
): Promise<MessageInitShape<typeof DeploymentServiceListResponseSchema>> {
  const { project, environment, name, target, kind, pageSize } = request;
  const limit = pageSize === 0 ? 100 : pageSize;
  const [afterName, afterId] = pageTokenParts(request.pageToken, 2) ?? [];
  const id = uuidPart(afterId);
  const filter = {
    project,
    environment,
    name,
    kind,
    labels: labelsOf("labels", request.labels),
    target: target === "" ? undefined : target,
    phase: phaseOf(request.phase),
  };
  const after = afterName === undefined || id === undefined ? undefined : { name: afterName, id };
  const read = await deploymentStore.list(platform.db, filter, { after, limit });
  const { rows, nextPageToken } = cutAt(read, limit, (row) => [row.name, row.id]);
  return { deployments: await deploymentMessages(platform, platform.db, rows), nextPageToken };
}
