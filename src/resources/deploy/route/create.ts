import {
  type RouteServiceCreateRequest,
  RouteServiceCreateRequestSchema,
} from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { projectStore } from "../../api/project/store.js";
import { acceptChange, type Plan } from "../deployment/accept.js";
import { requestText } from "../deployment/request.js";
import { isReleasing } from "../deployment/rules.js";
import type { DeploymentRow } from "../deployment/store.js";
import { releaseStore } from "../release/store.js";
import { settingsOf } from "../settings/store.js";
import type { TaskRow } from "../task/work.js";
import { type Accepted, answerOf, taskOf } from "./answer.js";
import { annotationsOf, mostRoutes, type RouteGoal, refuseUnknownGoal, routerOf } from "./rules.js";
import { type RouteRow, routeStore } from "./store.js";
import { holdTarget, hostnameOf, refuseBadTls, refuseForbiddenRouter, tlsOf } from "./wanted.js";

/** Makes a route; its task makes the Ingress. */
export async function createRoute(
  platform: Platform,
  actor: string,
  request: RouteServiceCreateRequest,
): Promise<Accepted> {
  const { project, environment, deployment: id, options } = request;
  annotationsOf("annotations", request.annotations);
  const text = () => requestText(RouteServiceCreateRequestSchema, request);
  const key = { project, environment, id };
  return await answerOf(platform, (made) => {
    const plan: Plan = async (tx, deployment, open) => {
      const row = await addRoute(platform, tx, { deployment, open, request });
      await made(tx, [row.id]);
      return taskOf([row.id]);
    };
    return acceptChange(platform, { actor, options, request: text }, key, () => ({ plan }));
  });
}

interface NewRoute {
  readonly deployment: DeploymentRow;
  readonly open: readonly TaskRow[];
  readonly request: RouteServiceCreateRequest;
}

async function addRoute(
  { clock, newId }: Platform,
  tx: Database,
  { deployment, open, request }: NewRoute,
): Promise<RouteRow> {
  const { process, port, service, path } = request;
  await refuseMissingGoal(tx, deployment, open, { process, port, service });
  if ((await routeStore.count(tx, deployment.id)) >= mostRoutes) {
    throw new DomainError("exhausted", `deployment ${deployment.name} has ${mostRoutes} routes already: delete some`);
  }
  const target = await holdTarget(tx, deployment);
  const router = routerOf(target.routers, request.router);
  await refuseForbiddenRouter(tx, deployment, router);
  const project = await projectStore.get(tx, deployment.project);
  if (project === undefined) throw new Error(`project ${deployment.project} of a deployment is gone`);
  const settings = await settingsOf(tx, project.tenant);
  const hostname = hostnameOf(request.hostname, deployment, router, settings);
  const tls = tlsOf(request.tls);
  await refuseBadTls(tx, tls, { deployment, target, router, hostname, settings });
  const now = clock();
  return await routeStore.insert(tx, {
    id: newId(),
    tenant: project.tenant,
    project: project.id,
    deployment: deployment.id,
    hostname,
    path: path || "/",
    router: router.name,
    process,
    port,
    service,
    tls,
    annotations: annotationsOf("annotations", request.annotations),
    message: "it is being made",
    createdAt: now,
    updatedAt: now,
  });
}

/** Refuses what the active release has not, unless there is none, or another one comes that may have it. */
export async function refuseMissingGoal(
  tx: Database,
  { id }: DeploymentRow,
  open: readonly TaskRow[],
  goal: RouteGoal,
): Promise<void> {
  if (goal.service !== "" && goal.process !== "") {
    throw invalidField("service", "is for charts, and process for images: give one of them");
  }
  const content = (await releaseStore.active(tx, id))?.content;
  if (content === undefined || content === null || open.some(isReleasing)) return;
  refuseUnknownGoal(content, goal);
}
