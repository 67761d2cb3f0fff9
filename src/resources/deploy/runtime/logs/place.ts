import { DomainError } from "../../../../errors.js";
import { KubeError, transient } from "../../../../kube/errors.js";
import type { Platform } from "../../../../platform.js";
import { type DeploymentRow, deploymentStore } from "../../deployment/store.js";
import { shownOf } from "../../deployment/views.js";
import { labels } from "../../engine/labels.js";
import { namespaceStore } from "../../namespace/store.js";
import { failureMessage } from "../../target/failure.js";
import { type TargetKey, targetStore } from "../../target/store.js";
import { madeByChart } from "../scope.js";
import type { PodSelection } from "./instances.js";

/** A deployment as requests name it. */
export interface DeploymentName {
  readonly project: string;
  /** Empty, or the environment that it must be in. */
  readonly environment: string;
  readonly deployment: string;
}

/** Where the pods of a deployment are. */
export interface PodPlace {
  readonly row: DeploymentRow;
  readonly target: TargetKey;
  readonly selection: PodSelection;
}

/** Finds them; throws "missing" for a deployment that is not there, and "unavailable" when its target is away. */
export async function podPlace(platform: Platform, name: DeploymentName): Promise<PodPlace> {
  const { db } = platform;
  const { project, environment, deployment } = name;
  const row = await deploymentStore.get(db, { project, environment, id: deployment });
  if (row === undefined) throw new DomainError("missing", `deployment ${deployment} does not exist`);
  const target = await targetStore.get(db, { project, id: row.target });
  const namespace = await namespaceStore.get(db, { project, id: row.namespace });
  if (target?.connection !== "connected" || namespace === undefined) {
    const why = target?.connectionMessage || "it was not reached yet";
    throw new DomainError("unavailable", `the target of deployment ${row.name} cannot be reached: ${why}`);
  }
  // Also before it has run: how a first release fails its pods say.
  const isChart = (await shownOf(platform, db, [row])).get(row.id)?.source?.type === "chart";
  const labelSelector = isChart ? madeByChart(row.objectName) : `${labels.deployment}=${row.id}`;
  return { row, target: { project, id: target.id }, selection: { namespace: namespace.name, labelSelector } };
}

/** What failed at a target, as the caller may know it. */
export function targetFailure(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  const message = `the target failed: ${failureMessage(error)}`;
  return new DomainError(transient(error) ? "unavailable" : "precondition", message, { cause: error });
}
