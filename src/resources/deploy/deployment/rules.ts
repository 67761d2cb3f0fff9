import type { AutoRollback } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { DomainError } from "../../../errors.js";
import type { SourceContent } from "../spec/content.js";
import type { TaskRow } from "../task/work.js";
import type { DeploymentRow } from "./store.js";

/** Most deployments of a project. */
export const mostDeployments = 1_000;

/** Most tasks of a deployment that have not ended. */
export const mostOpenTasks = 20;

const usualRolloutSeconds = 600;

/** The row; or NOT_FOUND, as for a deployment that is beyond what the caller reaches. */
export function found<Row extends object>(row: Row | undefined, deployment: string): Row {
  if (row === undefined) throw new DomainError("missing", `deployment ${deployment} does not exist`);
  return row;
}

/** Refuses a change that is based on another version than the present one. */
export function refuseStale({ name, version }: DeploymentRow, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `deployment ${name} has version ${version} now: read it again`);
}

/** Refuses whatever comes while a deployment is being deleted, and more tasks than may wait. */
export function refuseWhileBusy({ name }: DeploymentRow, open: readonly TaskRow[]): void {
  if (open.some(({ kind }) => kind === "delete")) {
    throw new DomainError("precondition", `deployment ${name} is being deleted: cancel that task to keep it`);
  }
  if (open.length >= mostOpenTasks) {
    throw new DomainError("exhausted", `deployment ${name} has ${mostOpenTasks} tasks that wait: cancel some`);
  }
}

/** Refuses what needs something that runs, where no release was active yet and none is about to be. */
export function refuseUnreleased({ name, activeRelease }: DeploymentRow, open: readonly TaskRow[]): void {
  if (activeRelease > 0 || open.some(isReleasing)) return;
  throw new DomainError("precondition", `no release of deployment ${name} was active yet: make one first`);
}

/** Whether a task makes a release run. */
export const isReleasing = ({ release }: TaskRow): boolean => release !== null;

/** What kind of thing a source is, for people: the name of the chart, or of the image's repository. */
export function kindOf(source: SourceContent): string {
  if (source.type === "chart") return source.name;
  const path = source.image.replace(/@.*$/, "").split("/").at(-1) ?? "";
  return path.replace(/:.*$/, "");
}

/** Automatic rollback as a request says it; off, and 600 seconds, unless it does. */
export function autoRollbackOf(
  asked: AutoRollback | undefined,
): Pick<DeploymentRow, "autoRollback" | "rolloutSeconds"> {
  return {
    autoRollback: asked?.enabled ?? false,
    rolloutSeconds: asked === undefined || asked.timeoutSeconds === 0 ? usualRolloutSeconds : asked.timeoutSeconds,
  };
}
