import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  type DeploymentServiceRestartRequest,
  DeploymentServiceRestartRequestSchema,
  type DeploymentServiceStartRequest,
  DeploymentServiceStartRequestSchema,
  type DeploymentServiceStopRequest,
  DeploymentServiceStopRequestSchema,
  StopMode,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { TaskOptions } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { isRunning } from "../spec/process.js";
import type { TaskParams } from "../task/table.js";
import { type Accepted, acceptChange } from "./accept.js";
import type { Call } from "./call.js";
import { requestText } from "./request.js";
import { refuseUnreleased } from "./rules.js";
import type { DeploymentRow } from "./store.js";
import { shownOf } from "./views.js";
import { mostUnits } from "./wanted-scale.js";

/** What requests that start and stop have in common. */
type PowerRequest = MessageShape<DescMessage> & {
  readonly project: string;
  readonly environment: string;
  readonly deployment: string;
  readonly processes: readonly string[];
  readonly options?: TaskOptions | undefined;
};

interface Power {
  readonly kind: "start" | "stop" | "restart";
  readonly params: Pick<TaskParams, "stopMode">;
}

/** Starts what was stopped. */
export const startDeployment = (
  platform: Platform,
  request: DeploymentServiceStartRequest,
  call: Call,
): Promise<Accepted> =>
  change(platform, request, call, {
    kind: "start",
    params: {},
    text: () => requestText(DeploymentServiceStartRequestSchema, request),
  });

/** Stops a deployment, or some of its processes. */
export async function stopDeployment(
  platform: Platform,
  request: DeploymentServiceStopRequest,
  call: Call,
): Promise<Accepted> {
  const isUninstall = request.mode === StopMode.UNINSTALL;
  if (isUninstall && request.processes.length > 0) {
    throw invalidField("processes", "must be empty with the mode UNINSTALL, which is about the whole");
  }
  return await change(platform, request, call, {
    kind: "stop",
    params: { stopMode: isUninstall ? "uninstall" : "scale_to_zero" },
    text: () => requestText(DeploymentServiceStopRequestSchema, request),
  });
}

/** Starts the replicas anew. */
export const restartDeployment = (
  platform: Platform,
  request: DeploymentServiceRestartRequest,
  call: Call,
): Promise<Accepted> =>
  change(platform, request, call, {
    kind: "restart",
    params: {},
    text: () => requestText(DeploymentServiceRestartRequestSchema, request),
  });

async function change(
  platform: Platform,
  { project, environment, deployment: id, processes: names, options }: PowerRequest,
  { actor }: Call,
  { kind, params: own, text }: Power & { readonly text: () => string },
): Promise<Accepted> {
  const processes = [...new Set(names)];
  const params = { ...own, ...(processes.length === 0 ? {} : { processes }) };
  return await acceptChange(platform, { actor, options, request: text }, { project, environment, id }, () => ({
    plan: async (tx, deployment, open) => {
      refuseUnreleased(deployment, open);
      await demandPossible(platform, tx, deployment, params);
      if (kind === "restart" && deployment.stopped !== "" && !open.some((task) => task.kind === "start")) {
        throw new DomainError("precondition", `deployment ${deployment.name} is stopped: start it`);
      }
      const unitsAfter = kind === "start" ? mostUnits(deployment, open, { starts: processes }) : undefined;
      return { task: { kind, params, unitsAfter } };
    },
  }));
}

/** Demands processes that run all the time, and of a chart that it is stopped as a whole; throws "missing" and "precondition". */
async function demandPossible(
  platform: Platform,
  tx: Database,
  deployment: DeploymentRow,
  { processes: names = [], stopMode }: Pick<TaskParams, "processes" | "stopMode">,
): Promise<void> {
  if (names.length === 0 && stopMode !== "scale_to_zero") return;
  const { source, processes = [] } = (await shownOf(platform, tx, [deployment])).get(deployment.id) ?? {};
  if (source?.type === "chart") {
    const what = names.length > 0 ? "which has no processes" : "which has no replicas here: use the mode UNINSTALL";
    throw new DomainError("precondition", `deployment ${deployment.name} is a chart, ${what}`);
  }
  for (const name of names) {
    const process = processes.find((each) => each.name === name);
    if (process === undefined) {
      throw new DomainError("missing", `the deployment has no process ${JSON.stringify(name.slice(0, 63))}`);
    }
    if (!isRunning(process)) {
      throw new DomainError("precondition", `process ${name} is a job: stop and start are for what runs all the time`);
    }
  }
}
