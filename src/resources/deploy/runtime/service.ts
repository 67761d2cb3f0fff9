import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { DeploymentHealth } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import {
  type RuntimeEventSchema,
  type RuntimeObjectSchema,
  RuntimeService,
} from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import { apiVersionOf } from "../../../kube/objects.js";
import type { Platform } from "../../../platform.js";
import { targetClients } from "../deployment/works/clients.js";
import { groupShown } from "../engine/kinds.js";
import { taskMessage } from "../task/messages.js";
import { type FoundEvent, listEvents } from "./events.js";
import { evictInstance } from "./evict.js";
import { listInstances } from "./instances.js";
import { logHandlers } from "./logs/handlers.js";
import { type FoundObject, getObject, listObjects } from "./objects.js";
import { restartObject } from "./restart.js";
import { subjectOf } from "./scope.js";
import { shellHandlers } from "./shell/handlers.js";
import { shownContent } from "./shown.js";
import { type RuntimeScope, runtimeStore } from "./store.js";

const usualEvents = 100;

/** deploy.v1.RuntimeService: what runs of deployments on their targets. */
export function registerRuntime(router: ConnectRouter, platform: Platform): void {
  const { db, log } = platform;
  const targets = targetClients(platform);
  router.service(RuntimeService, {
    ...logHandlers(platform),
    ...shellHandlers(platform),
    async listInstances(request, { signal }) {
      const subjects = await runtimeStore.inScope(db, request);
      if (request.deployment !== "" && subjects.length === 0) throw missing(request);
      return await listInstances(subjects, request, { targets, signal, log });
    },
    async evictInstance(request, { signal }) {
      await evictInstance(await subjectOf(db, request), request.instance, { targets, signal });
      return {};
    },
    async listObjects(request, { signal }) {
      const found = await listObjects(await subjectOf(db, request), request.kind, { targets, signal });
      return { objects: found.map(objectMessage) };
    },
    async getObject(request, { signal }) {
      const { object: reference } = request;
      if (reference === undefined) throw invalidField("object", "is required");
      const found = await getObject(await subjectOf(db, request), reference, { targets, signal });
      return { object: objectMessage(found), content: shownContent(found.type, found.object) };
    },
    async restartObject(request, context) {
      const call = { actor: callerOf(context).user, targets, signal: context.signal };
      return { task: taskMessage(await restartObject(platform, request, call)) };
    },
    async listEvents(request, { signal }) {
      const filter = { object: request.object, limit: request.limit === 0 ? usualEvents : request.limit };
      const found = await listEvents(await subjectOf(db, request), filter, { targets, signal });
      return { events: found.map(eventMessage) };
    },
  });
}

const missing = ({ deployment }: RuntimeScope): DomainError =>
  new DomainError("missing", `deployment ${deployment} does not exist`);

const healths = {
  unknown: DeploymentHealth.UNKNOWN,
  healthy: DeploymentHealth.HEALTHY,
  progressing: DeploymentHealth.PROGRESSING,
  degraded: DeploymentHealth.DEGRADED,
  unhealthy: DeploymentHealth.UNHEALTHY,
  stopped: DeploymentHealth.STOPPED,
} as const satisfies Record<FoundObject["health"], DeploymentHealth>;

function objectMessage(found: FoundObject): MessageInitShape<typeof RuntimeObjectSchema> {
  const { type, name, namespace, health, message, object } = found;
  const created = new Date(object?.metadata.creationTimestamp ?? "");
  return {
    object: { kind: type.kind, name, group: groupShown(type.group) },
    apiVersion: apiVersionOf(type),
    namespace,
    health: healths[health],
    message,
    ...(Number.isNaN(created.getTime()) ? {} : { createdAt: timestampFromDate(created) }),
  };
}

function eventMessage({ about, firstAt, lastAt, ...rest }: FoundEvent): MessageInitShape<typeof RuntimeEventSchema> {
  return {
    ...rest,
    object: { ...about, group: groupShown(about.group) },
    firstAt: timestampFromDate(firstAt),
    lastAt: timestampFromDate(lastAt),
  };
}
