import { NamespaceState } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import { ConnectionState, TargetHealth } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { Tone } from "../../kit/status-badge.js";

interface Shown {
  readonly text: string;
  readonly tone: Tone;
}

const unknown: Shown = { text: "Unknown", tone: "quiet" };

const connections: Readonly<Partial<Record<ConnectionState, Shown>>> = {
  [ConnectionState.PENDING]: { text: "Pending", tone: "busy" },
  [ConnectionState.CONNECTED]: { text: "Connected", tone: "good" },
  [ConnectionState.DISCONNECTED]: { text: "Disconnected", tone: "bad" },
};

const healths: Readonly<Partial<Record<TargetHealth, Shown>>> = {
  [TargetHealth.HEALTHY]: { text: "Healthy", tone: "good" },
  [TargetHealth.DEGRADED]: { text: "Degraded", tone: "warn" },
  [TargetHealth.UNHEALTHY]: { text: "Unhealthy", tone: "bad" },
};

const namespaces: Readonly<Partial<Record<NamespaceState, Shown>>> = {
  [NamespaceState.PENDING]: { text: "Pending", tone: "busy" },
  [NamespaceState.ACTIVE]: { text: "Active", tone: "good" },
  [NamespaceState.REFUSED]: { text: "Refused", tone: "bad" },
  [NamespaceState.TERMINATING]: { text: "Terminating", tone: "busy" },
};

export const connectionOf = (state: ConnectionState): Shown => connections[state] ?? unknown;
export const targetHealth = (health: TargetHealth): Shown => healths[health] ?? unknown;
export const namespaceState = (state: NamespaceState): Shown => namespaces[state] ?? unknown;
