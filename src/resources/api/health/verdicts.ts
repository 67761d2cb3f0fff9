import type { JobFacts, PartitionFacts } from "./facts.js";
import type { ProbeResult } from "./hysteresis.js";

/** A write and a read of one row take longer only where little works. */
const slowMs = 1_000;
/** A job that nobody has taken for so long waits for workers, not for its turn. */
const lateSeconds = 120;

const healthy: ProbeResult = { status: "healthy", message: "" };
const degraded = (message: string): ProbeResult => ({ status: "degraded", message });

/** What a write and a read of the database say; undefined milliseconds: they failed. */
export function databaseVerdict(ms: number | undefined): ProbeResult {
  if (ms === undefined) return { status: "unhealthy", message: "the database does not answer" };
  return ms > slowMs ? degraded("the database answers slowly") : healthy;
}

/** What it says whether a change came back through the change feed in time. */
export function changesVerdict(cameBack: boolean): ProbeResult {
  return cameBack ? healthy : degraded("changes are seen late");
}

export function jobsVerdict({ waitingSeconds, failed }: JobFacts): ProbeResult {
  if (waitingSeconds > lateSeconds) return degraded("changes are carried out late");
  return failed > 0 ? degraded("some changes could not be carried out") : healthy;
}

/** What a partition's own report says. Which fault it is stays in the logs of the worker. */
export function kubernetesVerdict(reachable: boolean): ProbeResult {
  return reachable ? healthy : degraded("its Kubernetes cannot be reached");
}

/** What the clusters of a partition say of its storage. */
export function storageVerdict({ clusters, unreachable, volumes, failedVolumes }: PartitionFacts): ProbeResult {
  if (areMany(unreachable, clusters, 0.5)) return degraded("the volumes of many clusters are not seen");
  if (areMany(failedVolumes, volumes, 0.1)) return degraded(`${failedVolumes} volumes and snapshots have failed`);
  return healthy;
}

/** What the clusters of a partition say of its machines. */
export function machinesVerdict({ clusters, withoutNodes }: PartitionFacts): ProbeResult {
  return areMany(withoutNodes, clusters, 0.5) ? degraded("the nodes of many clusters are not ready") : healthy;
}

/** One alone may be its owner's doing: it says nothing of the platform. */
const areMany = (some: number, all: number, share: number): boolean => some >= 2 && some >= share * all;
