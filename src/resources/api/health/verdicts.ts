import type { JobFacts, JobFigures, PartitionFigures, TenantFigures } from "./facts.js";
import type { ProbeResult } from "./hysteresis.js";
import { areManyTenants } from "./rules.js";

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

/** What the queue says of the platform. Jobs of a single tenant say nothing of it: they may be late or fail by its doing. */
export function jobsVerdict({ own, tenants }: JobFacts): ProbeResult {
  const isTrueOf = (holds: (figures: JobFigures) => boolean): boolean =>
    holds(own) || areManyTenants(tenants.filter(holds).length, 0, 0);
  if (isTrueOf(({ waitingSeconds }) => waitingSeconds > lateSeconds)) return degraded("changes are carried out late");
  return isTrueOf(({ failed }) => failed > 0) ? degraded("some changes could not be carried out") : healthy;
}

/** What the payment processor says, by whether it answered. */
export function paymentVerdict(answered: boolean): ProbeResult {
  return answered ? healthy : degraded("payments cannot be made");
}

/** What a partition's own report says. Which fault it is stays in the logs of the worker. */
export function kubernetesVerdict(reachable: boolean): ProbeResult {
  return reachable ? healthy : degraded("its Kubernetes cannot be reached");
}

/** What the clusters of a partition say of its storage. */
export function storageVerdict(figures: readonly CountedFigures[]): ProbeResult {
  const unseen = countTenants(figures, ({ unreachable, clusters }) => [unreachable, clusters], 0.5);
  if (areManyTenants(unseen.affected, unseen.all, 0.5)) return degraded("the volumes of many clusters are not seen");
  const failed = countTenants(figures, ({ failedVolumes, volumes }) => [failedVolumes, volumes], 0.1);
  return areManyTenants(failed.affected, failed.all, 0.1)
    ? degraded("many volumes and snapshots have failed")
    : healthy;
}

/** What the clusters of a partition say of its machines. */
export function machinesVerdict(figures: readonly CountedFigures[]): ProbeResult {
  const { affected, all } = countTenants(figures, ({ withoutNodes, clusters }) => [withoutNodes, clusters], 0.5);
  return areManyTenants(affected, all, 0.5) ? degraded("the nodes of many clusters are not ready") : healthy;
}

/** Figures of clusters and volumes, and of how many tenants they are true. */
type CountedFigures = TenantFigures & Pick<PartitionFigures, "tenants">;

/** How many tenants have something, and of how many of these at least such a share of it is ill. */
function countTenants(
  figures: readonly CountedFigures[],
  illOf: (figures: CountedFigures) => readonly [ill: number, all: number],
  share: number,
): { readonly affected: number; readonly all: number } {
  let affected = 0;
  let all = 0;
  for (const each of figures) {
    const [ill, whole] = illOf(each);
    if (whole > 0) all += each.tenants;
    if (ill > 0 && ill >= share * whole) affected += each.tenants;
  }
  return { affected, all };
}
