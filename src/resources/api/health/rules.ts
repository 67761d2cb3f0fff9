import { type ProbeResult, type ProbeStatus, severity } from "./hysteresis.js";
import type { ProbeStateRow } from "./store.js";

/** Workers report every few seconds; after this there is none. */
export const silenceMs = 35_000;

/** The services whose health is told, and which probes speak for them; optional ones only where they report. */
const parts = [
  {
    service: "cluster",
    platformProbes: ["database", "changes", "jobs"],
    optionalProbes: ["payment"],
    partitionProbe: "kubernetes",
    affected: (partitions: string) => `changes wait until they can be carried out in ${partitions}`,
  },
  {
    service: "volume",
    platformProbes: [],
    optionalProbes: [],
    partitionProbe: "storage",
    affected: (partitions: string) => `volumes and snapshots are affected in ${partitions}`,
  },
  {
    service: "machines",
    platformProbes: [],
    optionalProbes: [],
    partitionProbe: "machines",
    affected: (partitions: string) => `machines are affected in ${partitions}`,
  },
] as const;

/** How a service is, in all partitions and in each. */
export interface ServiceHealth extends ProbeResult {
  readonly service: (typeof parts)[number]["service"];
  readonly partitions: Readonly<Record<string, ProbeResult>>;
}

type State = Pick<ProbeStateRow, "probe" | "partition" | "status" | "message" | "observedAt">;

/** How the services are now, by the states of the probes. `until`: when a state will be too old, unless it is told again. */
export function healthAt(states: readonly State[], partitions: readonly string[], now: Date) {
  const ends = states.map(({ observedAt }) => observedAt.getTime() + silenceMs).filter((end) => end > now.getTime());
  const soonest = Math.min(...ends);
  return {
    services: parts.map((part) => serviceHealth(part, states, partitions, now)),
    until: Number.isFinite(soonest) ? new Date(soonest) : undefined,
  };
}

function serviceHealth(
  { service, platformProbes, optionalProbes, partitionProbe, affected }: (typeof parts)[number],
  states: readonly State[],
  partitions: readonly string[],
  now: Date,
): ServiceHealth {
  const reporting = optionalProbes.filter((probe) => freshState(states, probe, "", now) !== undefined);
  const everywhere = [...platformProbes, ...reporting].map((probe) => stateOf(states, probe, "", now));
  const local = Object.fromEntries(partitions.map((id) => [id, stateOf(states, partitionProbe, id, now)]));
  const ill = partitions.filter((id) => local[id]?.status !== "healthy");
  const messages = everywhere.map(({ message }) => message).filter((message) => message !== "");
  if (ill.length > 0) messages.push(affected(ill.join(", ")));
  return {
    service,
    status: worst([...everywhere, ...Object.values(local)].map(({ status }) => status)),
    message: [...new Set(messages)].join("; "),
    partitions: local,
  };
}

function stateOf(states: readonly State[], probe: string, partition: string, now: Date): ProbeResult {
  const state = freshState(states, probe, partition, now);
  if (state !== undefined) return { status: state.status, message: state.message };
  return {
    status: "degraded",
    message: partition === "" ? "no worker reports" : "no worker reports on this partition",
  };
}

function freshState(states: readonly State[], probe: string, partition: string, now: Date): State | undefined {
  const state = states.find((one) => one.probe === probe && one.partition === partition);
  return state !== undefined && now.getTime() - state.observedAt.getTime() < silenceMs ? state : undefined;
}

/**
 * Whether so many tenants are affected that it can be no tenant's own doing: at least two, and at least that share
 * of all whom it could affect. A tenant counts once, whatever it has and however much of it is ill.
 */
export function areManyTenants(affected: number, all: number, share: number): boolean {
  return affected >= 2 && affected >= share * all;
}

/** The worst of them; healthy when there are none. */
export function worst(statuses: readonly ProbeStatus[]): ProbeStatus {
  return statuses.reduce((one, other) => (severity[other] > severity[one] ? other : one), "healthy");
}
