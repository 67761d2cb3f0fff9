import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  type RouteServiceDeleteRequest,
  RouteServiceDeleteRequestSchema,
  type RouteServiceSetTrafficRequest,
  RouteServiceSetTrafficRequestSchema,
  type RouteServiceUpdateRequest,
  RouteServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { TaskOptions } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { acceptChange, type Plan } from "../deployment/accept.js";
import { requestText } from "../deployment/request.js";
import type { DeploymentRow } from "../deployment/store.js";
import { releaseStore } from "../release/store.js";
import { settingsOf } from "../settings/store.js";
import { taskStore } from "../task/store.js";
import type { TaskRow } from "../task/work.js";
import { type Accepted, answerOf, taskOf, withoutVersion } from "./answer.js";
import { refuseMissingGoal } from "./create.js";
import {
  annotationsOf,
  found,
  mostVariants,
  refuseDeleting,
  refuseIndivisible,
  refuseStale,
  refuseUnlike,
  routerOf,
  trafficOf,
} from "./rules.js";
import { variantShares } from "./shares.js";
import { type RouteChanges, type RouteRow, routeStore } from "./store.js";
import type { TrafficShare } from "./table.js";
import { holdTarget, refuseBadTls, refuseForbiddenRouter, tlsOf } from "./wanted.js";

/** Changes a route; its task changes the Ingress. */
export function updateRoute(platform: Platform, actor: string, request: RouteServiceUpdateRequest): Promise<Accepted> {
  const annotations = request.annotations && annotationsOf("annotations.annotations", request.annotations.annotations);
  const { process, port } = request;
  return changeRoute(platform, actor, RouteServiceUpdateRequestSchema, request, async (tx, row, around) => {
    refuseDeleting(row);
    const asked: RouteChanges = {
      ...(process === undefined ? {} : { process }),
      ...(port === undefined ? {} : { port }),
      ...(request.tls === undefined ? {} : { tls: tlsOf(request.tls) }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const { deployment, open } = around;
    if (process !== undefined || port !== undefined) {
      await refuseMissingGoal(tx, deployment, open, { ...row, ...asked });
    }
    const router = await routedBy(tx, row, around, request, asked.tls);
    await routeStore.want(tx, row.id, { ...asked, ...router }, platform.clock());
  });
}

/** Wants a route gone; its task removes the Ingress, and its hostname is free then. */
export function deleteRoute(platform: Platform, actor: string, request: RouteServiceDeleteRequest): Promise<Accepted> {
  return changeRoute(platform, actor, RouteServiceDeleteRequestSchema, request, async (tx, row) => {
    await routeStore.requestDelete(tx, row.id, platform.clock());
  });
}

/** Divides the requests of a route; its task lets the other release run, and leads its share to it. */
export async function setTraffic(
  platform: Platform,
  actor: string,
  request: RouteServiceSetTrafficRequest,
): Promise<Accepted> {
  if (request.options?.executeAt !== undefined) {
    throw invalidField("options.execute_at", "cannot be set: which releases run is of the moment");
  }
  return await changeRoute(
    platform,
    actor,
    RouteServiceSetTrafficRequestSchema,
    request,
    async (tx, row, { deployment }) => {
      refuseDeleting(row);
      const { id, name, activeRelease, stopped } = deployment;
      if (activeRelease === 0) throw new DomainError("precondition", `no release of deployment ${name} was active yet`);
      const traffic = trafficOf(request.traffic, activeRelease);
      const [, other] = traffic;
      if (other !== undefined) {
        if (stopped !== "") throw new DomainError("precondition", `deployment ${name} is stopped: start it first`);
        refuseIndivisible(routerOf((await holdTarget(tx, deployment)).routers, row.router));
        await refuseBadShare(tx, deployment, row, other);
      }
      await routeStore.want(tx, row.id, { traffic }, platform.clock());
      if ((await variantShares(tx, { id, activeRelease })).length > mostVariants) {
        throw new DomainError("exhausted", `${mostVariants} releases run beside the active one already`);
      }
    },
  );
}

/** The other router of a request, once that and the encryption of the route are checked. */
async function routedBy(
  tx: Database,
  row: RouteRow,
  { deployment }: Around,
  { router: name }: RouteServiceUpdateRequest,
  tls: RouteRow["tls"] | undefined,
): Promise<RouteChanges> {
  if (name === undefined && tls === undefined) return {};
  const target = await holdTarget(tx, deployment);
  const router = routerOf(target.routers, name ?? row.router);
  if (name !== undefined) {
    await refuseForbiddenRouter(tx, deployment, router);
    if (row.traffic.length > 0) refuseIndivisible(router);
  }
  const settings = await settingsOf(tx, row.tenant);
  const { hostname } = row;
  await refuseBadTls(tx, tls ?? row.tls, { deployment, target, router, hostname, settings });
  return { router: router.name };
}

async function refuseBadShare(
  tx: Database,
  { id, name }: DeploymentRow,
  row: RouteRow,
  { release: number }: TrafficShare,
): Promise<void> {
  const active = await releaseStore.active(tx, id);
  const other = await releaseStore.get(tx, id, number);
  if (other === undefined) throw new DomainError("missing", `deployment ${name} has no release ${number}`);
  if (other.status !== "superseded" || other.content === null || !active?.content) {
    throw new DomainError(
      "precondition",
      `release ${number} is ${other.status}: only one that was active can get requests`,
    );
  }
  refuseUnlike(active.content, other.content, number, row);
}

interface Around {
  readonly deployment: DeploymentRow;
  readonly open: readonly TaskRow[];
}

interface RouteRequest {
  readonly project: string;
  readonly environment: string;
  readonly deployment: string;
  readonly uuid: string;
  readonly options?: TaskOptions | undefined;
}

/** Changes a route that is locked, and has a task make it so; the version that a request expects is that of the route. */
async function changeRoute<Schema extends DescMessage>(
  platform: Platform,
  actor: string,
  schema: Schema,
  request: MessageShape<Schema> & RouteRequest,
  change: (tx: Database, row: RouteRow, around: Around) => Promise<void>,
): Promise<Accepted> {
  const { project, environment, uuid } = request;
  const id = await deploymentOf(platform, request);
  const text = () => requestText(schema, request);
  const order = { actor, options: withoutVersion(request.options), request: text };
  return await answerOf(platform, (made) => {
    const plan: Plan = async (tx, deployment, open) => {
      const row = found(await routeStore.lock(tx, { deployment: id, id: uuid }), uuid);
      refuseStale(row, request.options?.expectedVersion);
      await change(tx, row, { deployment, open });
      await made(tx, [row.id]);
      return taskOf([row.id]);
    };
    return acceptChange(platform, order, { project, environment, id }, () => ({ plan }));
  });
}

/** The deployment of a route; of one that is gone, that of the task that came with the same key. */
async function deploymentOf({ db }: Platform, request: RouteRequest): Promise<string> {
  const { project, environment, deployment, uuid, options } = request;
  const row = await routeStore.get(db, { project, environment, deployment, id: uuid });
  if (row !== undefined) return row.deployment;
  const earlier = await taskStore.earlierByKey(db, project, options?.idempotencyKey ?? "");
  return found(earlier, uuid).deployment;
}
