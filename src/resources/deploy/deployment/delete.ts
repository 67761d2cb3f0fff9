import {
  type DeploymentServiceDeleteRequest,
  DeploymentServiceDeleteRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { targetStore } from "../target/store.js";
import { type Accepted, acceptChange, type Planned } from "./accept.js";
import type { Call } from "./call.js";
import { forgetDeployment } from "./forget.js";
import { requestText } from "./request.js";
import type { DeploymentRow } from "./store.js";

/** Deletes a deployment; with force it is forgotten at once where its target is away. */
export async function deleteDeployment(
  platform: Platform,
  request: DeploymentServiceDeleteRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { project, environment, deployment: id, options, keepStorage, force } = request;
  const text = () => requestText(DeploymentServiceDeleteRequestSchema, request);
  const order = { actor, options, request: text, ...(force ? { mayBeGoing: true } : {}) };
  const task: NonNullable<Planned["task"]> = { kind: "delete", params: { keepStorage, force } };
  return await acceptChange(platform, order, { project, environment, id }, () => ({
    plan: async (tx, deployment, _open, at) => {
      const now = platform.clock();
      if (!force || at > now || !(await isAway(tx, deployment))) return { task };
      return { task, instead: () => forgetDeployment(tx, deployment, now) };
    },
  }));
}

async function isAway(tx: Database, { project, target }: DeploymentRow): Promise<boolean> {
  return (await targetStore.get(tx, { project, id: target }))?.connection !== "connected";
}
