import {
  type DeploymentServiceScaleRequest,
  DeploymentServiceScaleRequestSchema,
  type DeploymentServiceSetAutoscaleRequest,
  DeploymentServiceSetAutoscaleRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import type { ProcessContent, Scale, ScaleEntry } from "../spec/content.js";
import { isRunning } from "../spec/process.js";
import { autoscaleOf, entryOf, scaleOfProcess } from "../spec/scale.js";
import type { TaskRow } from "../task/work.js";
import { type Accepted, acceptChange, type Planned } from "./accept.js";
import { refuseUnrequested } from "./autoscale-rules.js";
import type { Call } from "./call.js";
import { requestText } from "./request.js";
import { refuseUnreleased } from "./rules.js";
import type { DeploymentRow } from "./store.js";
import { shownOf } from "./views.js";
import { mostUnits, wantedScale } from "./wanted-scale.js";

/** Most replicas of a process. */
const mostReplicas = 1_000;

/** Sets how many replicas of processes run. */
export async function scaleDeployment(
  platform: Platform,
  request: DeploymentServiceScaleRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { project, environment, deployment: id, options } = request;
  const text = () => requestText(DeploymentServiceScaleRequestSchema, request);
  if (Object.keys({ ...request.replicas, ...request.differences }).length === 0) {
    throw invalidField("replicas", "must have a process, or differences must");
  }
  for (const name of Object.keys(request.differences)) {
    if (Object.hasOwn(request.replicas, name)) {
      throw invalidField("differences", `has process ${shown(name)}, whose replicas are set by the same change`);
    }
  }
  return await acceptChange(platform, { actor, options, request: text }, { project, environment, id }, () => ({
    plan: async (tx, deployment, open, at) => {
      const processes = await scalable(platform, tx, deployment, open);
      const wanted = wantedScale(deployment, open, at);
      const changes = new Map<string, ScaleEntry>();
      for (const [name, replicas] of Object.entries(request.replicas)) {
        changes.set(
          name,
          counted(processes, wanted, name, () => replicas),
        );
      }
      for (const [name, difference] of Object.entries(request.differences)) {
        changes.set(
          name,
          counted(processes, wanted, name, (present) => present + difference),
        );
      }
      return scaleTask(deployment, open, Object.fromEntries(changes));
    },
  }));
}

/** Sets between which bounds the load decides how many replicas of a process run. */
export async function setAutoscale(
  platform: Platform,
  request: DeploymentServiceSetAutoscaleRequest,
  { actor }: Call,
): Promise<Accepted> {
  const { project, environment, deployment: id, process: name, options } = request;
  const text = () => requestText(DeploymentServiceSetAutoscaleRequestSchema, request);
  const autoscale = request.autoscale && autoscaleOf("autoscale", request.autoscale);
  return await acceptChange(platform, { actor, options, request: text }, { project, environment, id }, () => ({
    plan: async (tx, deployment, open, at) => {
      const process = demandRunning(await scalable(platform, tx, deployment, open), name);
      refuseUnrequested(process, autoscale);
      const wanted = wantedScale(deployment, open, at);
      const { replicas, stopped = false } = scaleOfProcess(wanted, name);
      const entry = { ...entryOf(replicas, autoscale), ...(stopped ? { stopped } : {}) };
      return scaleTask(deployment, open, { [name]: entry });
    },
  }));
}

/** The processes of a deployment that may be scaled; throws "precondition" for a chart, and before there is a release. */
async function scalable(
  platform: Platform,
  tx: Database,
  deployment: DeploymentRow,
  open: readonly TaskRow[],
): Promise<readonly ProcessContent[]> {
  refuseUnreleased(deployment, open);
  const { source, processes = [] } = (await shownOf(platform, tx, [deployment])).get(deployment.id) ?? {};
  if (source?.type === "chart") {
    throw new DomainError("precondition", `deployment ${deployment.name} is a chart: scale it by its values`);
  }
  return processes;
}

function counted(
  processes: readonly ProcessContent[],
  wanted: Scale,
  name: string,
  count: (present: number) => number,
): ScaleEntry {
  demandRunning(processes, name);
  const present = scaleOfProcess(wanted, name);
  if (present.autoscale !== undefined) {
    throw new DomainError("precondition", `the load decides how many replicas of ${name} run: change its autoscale`);
  }
  const replicas = count(present.replicas);
  if (replicas >= 0 && replicas <= mostReplicas) return { ...present, replicas };
  throw invalidField("differences", `process ${name} would have ${replicas} replicas: 0 to ${mostReplicas} can be`);
}

function demandRunning(processes: readonly ProcessContent[], name: string): ProcessContent {
  const process = processes.find((each) => each.name === name);
  if (process === undefined) throw new DomainError("missing", `the deployment has no process ${shown(name)}`);
  if (!isRunning(process)) {
    throw new DomainError("precondition", `process ${name} is a job, which has no replicas`);
  }
  return process;
}

function scaleTask(deployment: DeploymentRow, open: readonly TaskRow[], scale: Scale): Planned {
  return { task: { kind: "scale", params: { scale }, unitsAfter: mostUnits(deployment, open, { scale }) } };
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 63));
