import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { capiRefusal } from "./cluster-api.js";
import { type ClusterOperation, type ClusterRow, clusterStore } from "./store.js";
import { changeSeen } from "./writes.js";

const operations: Readonly<Record<string, ClusterOperation>> = {
  RECONCILE: "reconcile",
  MAINTAIN: "maintain",
  RETRY: "retry",
};

/** Queues an operation on a cluster; without a project, on the cluster of any project. */
export async function operateCluster(
  platform: Platform,
  cluster: { readonly project?: string; readonly id: string },
  name: string | undefined,
): Promise<ClusterRow> {
  const operation = operations[name ?? ""];
  if (operation === undefined) {
    throw new DomainError("invalid", "operate: must be reconcile, maintain or retry", {
      violations: [{ field: "operate", message: "must be reconcile, maintain or retry" }],
    });
  }
  return await changeSeen(platform.db, cluster, (db, row) => {
    refuseOperation(platform, row, operation);
    return clusterStore.operate(db, row, operation, platform.clock());
  });
}

function refuseOperation({ partitions }: Platform, row: ClusterRow, operation: ClusterOperation): void {
  const refuse = (reason: string): never => {
    throw new DomainError("precondition", `cluster ${row.name}: ${reason}`);
  };
  if (row.deleteRequestedAt !== null) refuse("it is being deleted");
  if (row.pendingOperation !== null) refuse(`the operation ${row.pendingOperation} is still being passed on`);
  const backend = partitions.get(row.partition)?.settings.backend;
  const impossible = backend !== undefined && "clusterApi" in backend ? capiRefusal(operation) : undefined;
  if (impossible !== undefined) refuse(impossible);
  if (operation === "retry" && row.statusState !== "Failed") {
    refuse(`retry needs the state Failed, but it is ${row.statusState}`);
  }
}
