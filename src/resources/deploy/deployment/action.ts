import {
  type DeploymentServiceInvokeActionRequest,
  DeploymentServiceInvokeActionRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { restartableOf } from "../runtime/kinds.js";
import type { TaskParams } from "../task/table.js";
import { type Accepted, acceptChange } from "./accept.js";
import type { Call } from "./call.js";
import { requestText } from "./request.js";
import type { DeploymentRow } from "./store.js";
import { shownOf } from "./views.js";

/** Starts a workload anew, or runs a job. */
export async function invokeAction(
  platform: Platform,
  request: DeploymentServiceInvokeActionRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { project, environment, deployment: id, options } = request;
  const text = () => requestText(DeploymentServiceInvokeActionRequestSchema, request);
  return await acceptChange(platform, { actor, options, request: text }, { project, environment, id }, () => ({
    plan: async (tx, deployment) => {
      if (deployment.activeRelease === 0) {
        throw new DomainError("precondition", `no release of deployment ${deployment.name} was active yet`);
      }
      return { task: { kind: "action", params: await paramsOf(platform, tx, deployment, request) } };
    },
  }));
}

async function paramsOf(
  platform: Platform,
  tx: Database,
  deployment: DeploymentRow,
  { action }: DeploymentServiceInvokeActionRequest,
): Promise<TaskParams> {
  const { source, processes = [] } = (await shownOf(platform, tx, [deployment])).get(deployment.id) ?? {};
  if (action.case === "runJob") {
    const { process: name, args } = action.value;
    if (deployment.stopped === "uninstalled") {
      throw new DomainError("precondition", `deployment ${deployment.name} is uninstalled: start it first`);
    }
    const process = processes.find((each) => each.name === name);
    if (process === undefined) throw new DomainError("missing", `the deployment has no process ${name}`);
    if (process.kind !== "job") throw new DomainError("precondition", `process ${name} is no JOB`);
    return { job: { process: name, args: [...args] } };
  }
  if (action.case !== "restartObject") throw invalidField("action", "must say what to do");
  const { group, kind, name } = action.value;
  const object = { group: restartableOf("restart_object.kind", { group, kind }).group, kind, name };
  if (deployment.stopped !== "") {
    throw new DomainError("precondition", `deployment ${deployment.name} is stopped: start it`);
  }
  // What a chart has made is not known here: the task looks it up.
  const isKnown = deployment.inventory.some((entry) => entry.kind === kind && entry.name === name);
  if (source?.type === "image" && !isKnown) {
    throw new DomainError("missing", `the deployment has no ${kind} ${JSON.stringify(name)}`);
  }
  return { object };
}
