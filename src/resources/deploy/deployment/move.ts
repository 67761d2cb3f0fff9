import { eq } from "drizzle-orm";
import {
  type DeploymentServiceMoveRequest,
  DeploymentServiceMoveRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { planRelease } from "../release/plan.js";
import { routes } from "../route/table.js";
import { type Accepted, acceptChange } from "./accept.js";
import type { Call } from "./call.js";
import { choosePlace, holdPlace, type Place } from "./place.js";
import { requestText } from "./request.js";
import { found } from "./rules.js";
import { type DeploymentKey, type DeploymentRow, deploymentStore } from "./store.js";

/** Moves a deployment to another target or namespace. */
export async function moveDeployment(
  platform: Platform,
  request: DeploymentServiceMoveRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { project, environment, deployment: id, options } = request;
  const key: DeploymentKey = { project, environment, id };
  const text = () => requestText(DeploymentServiceMoveRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, key, async () => {
    const place = await placeOf(platform, key, request);
    return {
      plan: async (tx, deployment, open, at) => {
        await refuseMove(tx, deployment, place);
        await holdPlace(tx, place);
        const placement = { target: place.target.id, namespace: place.namespace.id };
        const asked = { cause: "move", kind: "move", change: { placement }, params: { placement } } as const;
        return await planRelease(platform, tx, { deployment, open, at }, asked);
      },
    };
  });
}

async function placeOf(
  { db }: Platform,
  key: DeploymentKey,
  { project, target, namespace }: DeploymentServiceMoveRequest,
): Promise<Place> {
  const row = found(await deploymentStore.get(db, key), key.id);
  return await choosePlace(db, { project, environment: row.environment, target, namespace });
}

async function refuseMove(tx: Database, deployment: DeploymentRow, { target, namespace }: Place): Promise<void> {
  const { name, activeRelease } = deployment;
  if (activeRelease === 0) {
    throw new DomainError("precondition", `no release of deployment ${name} was active yet: there is nothing to move`);
  }
  if (deployment.target === target.id && deployment.namespace === namespace.id) {
    throw new DomainError("precondition", `deployment ${name} is there already`);
  }
  if (deployment.target === target.id) return;
  const rows = await tx
    .selectDistinct({ router: routes.router })
    .from(routes)
    .where(eq(routes.deployment, deployment.id));
  const known = new Set(target.routers.map((router) => router.name));
  const unknown = rows.find(({ router }) => router !== "" && !known.has(router));
  if (unknown === undefined) return;
  throw new DomainError(
    "precondition",
    `target ${target.name} has no router ${unknown.router}, which routes of the deployment name`,
  );
}
