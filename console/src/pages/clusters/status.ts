import type { Cluster, ClusterStatus } from "../../../../gen/ts/api/v1/cluster_pb.js";
import type { Tone } from "../../kit/status-badge.js";

/** What a cluster is doing, in a word, and what that means. */
export interface Phase {
  readonly text: string;
  readonly tone: Tone;
  /** Whether an operation runs, so that its progress says something. */
  readonly isBusy: boolean;
}

const doing: Readonly<Record<string, string>> = { Create: "Creating", Reconcile: "Updating", Delete: "Deleting" };

/** The phase of a cluster by its status. */
export function phaseOf(status: ClusterStatus | undefined): Phase {
  const { type = "", state = "" } = status ?? {};
  const busy = doing[type] ?? "Waiting";
  switch (state) {
    case "Succeeded":
      return type === "Delete"
        ? { text: "Deleted", tone: "quiet", isBusy: false }
        : { text: "Ready", tone: isHealthy(status) ? "good" : "warn", isBusy: false };
    case "Error":
      return { text: `${busy}, retrying`, tone: "warn", isBusy: true };
    case "Failed":
      return { text: "Failed", tone: "bad", isBusy: false };
    case "Aborted":
      return { text: "Aborted", tone: "bad", isBusy: false };
    case "Processing":
      return { text: busy, tone: "busy", isBusy: true };
    default:
      return { text: type === "Delete" ? "Deleting" : "Pending", tone: "busy", isBusy: true };
  }
}

/** Whether nothing is known to be wrong with a cluster. */
function isHealthy(status: ClusterStatus | undefined): boolean {
  return healthOf(status).every(({ value }) => value !== "False");
}

/** The four aspects of health, in the order in which they come about. */
export function healthOf(
  status: ClusterStatus | undefined,
): readonly { readonly label: string; readonly value: string }[] {
  return [
    { label: "API server", value: status?.apiServerReady ?? "" },
    { label: "Control plane", value: status?.controlPlaneReady ?? "" },
    { label: "Nodes", value: status?.nodesReady ?? "" },
    { label: "System components", value: status?.systemComponentsReady ?? "" },
  ];
}

/** The tone of a condition's value. */
export function toneOf(value: string): Tone {
  return ({ True: "good", False: "bad", Progressing: "busy" }[value] as Tone | undefined) ?? "quiet";
}

/** How many machines a cluster may have: `3` or `1–4`. */
export function machinesText({ workers }: Cluster): string {
  const min = workers.reduce((sum, { minsize }) => sum + minsize, 0);
  const max = workers.reduce((sum, { maxsize }) => sum + maxsize, 0);
  return min === max ? String(min) : `${min}–${max}`;
}

/** Whether a cluster is gone for good. */
export function isGone(status: ClusterStatus | undefined): boolean {
  return status?.type === "Delete" && status.state === "Succeeded";
}
