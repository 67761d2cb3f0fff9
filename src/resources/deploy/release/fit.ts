import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { refuseUninstallable } from "../deployment/chart-engine.js";
import type { DeploymentRow } from "../deployment/store.js";
import { refuseForbidden } from "../environment/constraints.js";
import { found as foundEnvironment } from "../environment/rules.js";
import { environmentStore } from "../environment/store.js";
import type { ProcessContent, ReleaseChange, SourceContent } from "../spec/content.js";
import { found as foundTarget } from "../target/rules.js";
import { targetStore } from "../target/store.js";

/** What is known of a release: what it will run, or what its change says of that. */
export interface Wanted {
  readonly source?: SourceContent | undefined;
  readonly processes?: readonly ProcessContent[] | undefined;
}

/**
 * Throws "precondition" for what cannot be where it is to run: storage that a constraint of the environment forbids,
 * a chart that the target cannot install, and storage that a move would lose. What runs already is not held against
 * newer constraints.
 */
export async function refuseUnfit(
  db: Database,
  deployment: Pick<DeploymentRow, "project" | "environment" | "target">,
  change: ReleaseChange,
  { source, processes = [] }: Wanted,
): Promise<void> {
  const { project } = deployment;
  if (change.processes !== undefined || change.rollback !== undefined) {
    const row = await environmentStore.get(db, { project, id: deployment.environment });
    const environment = foundEnvironment(row, deployment.environment);
    for (const { storage } of processes) {
      if (storage !== undefined) refuseForbidden(environment, "storage_class", storage.storageClass);
    }
  }
  if (change.placement !== undefined) refuseStored(processes);
  if (source?.type !== "chart") return;
  const target = change.placement?.target ?? deployment.target;
  refuseUninstallable(source, foundTarget(await targetStore.get(db, { project, id: target }), target));
}

function refuseStored(processes: readonly ProcessContent[]): void {
  for (const { name, kind, mounts } of processes) {
    if (kind !== "stateful" && mounts.length === 0) continue;
    const what = kind === "stateful" ? "is STATEFUL" : "mounts a volume claim";
    throw new DomainError("precondition", `process ${name} ${what}: its storage would be lost by the move`);
  }
}
