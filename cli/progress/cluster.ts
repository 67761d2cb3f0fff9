import type { ClusterStatus } from "../../gen/ts/api/v1/cluster_pb.js";
import { live } from "../resources/live.js";
import type { Session } from "../session.js";
import { follow, type Step } from "./follow.js";

/** Which cluster is followed. */
export interface FollowedCluster {
  readonly uuid: string;
  readonly project: string;
  readonly name: string;
}

/** Shows a cluster on its way until an operation on it has ended. */
export async function followCluster(
  session: Session,
  { uuid, project, name }: FollowedCluster,
  operation: "Create" | "Reconcile" | "Delete",
): Promise<void> {
  const { ClusterService } = await import("../../gen/ts/api/v1/cluster_pb.js");
  const client = await session.client(ClusterService);
  const followed = { title: `cluster ${name}`, look: `slipway cluster get ${name} -o wide` };
  await follow(session, followed, async function* (signal) {
    const open = (_: string, ends: AbortSignal) => client.watchStatus({ uuid, project }, { signal: ends });
    for await (const { status } of live(session, open, signal))
      if (status !== undefined) yield stepOf(status, operation);
  });
}

function stepOf(status: ClusterStatus, operation: string): Step {
  const { type, state, progress } = status;
  const message = status.lastErrors.at(-1)?.description ?? (state === "Succeeded" ? "" : messageOf(status));
  const step = { state: `${type}/${state}`, percent: progress, message };
  // A cluster that is ready may begin to reconcile before its Create/Succeeded is seen.
  const isPast = operation === "Create" && type === "Reconcile";
  if ((type === operation && state === "Succeeded") || isPast) return { ...step, percent: 100, end: "succeeded" };
  return type === operation && (state === "Failed" || state === "Aborted") ? { ...step, end: "failed" } : step;
}

/** What is still missing. */
function messageOf(status: ClusterStatus): string {
  const parts = {
    "API server": status.apiServerReady,
    "control plane": status.controlPlaneReady,
    nodes: status.nodesReady,
    "system components": status.systemComponentsReady,
  };
  const missing = Object.entries(parts).filter(([, ready]) => ready !== "True");
  return missing.length === 0 ? "" : `waiting for ${missing.map(([part]) => part).join(", ")}`;
}
