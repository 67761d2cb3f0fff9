import type { Duration } from "@bufbuild/protobuf/wkt";
import { DomainError, invalidField } from "../../../errors.js";
import type { ClusterBackends } from "./backends.js";
import type { ClusterRow } from "./store.js";

const shortest = 600;
const longest = 86_400;
const usual = 3_600;

/** A kubeconfig for a cluster, valid for 600 s to 24 h (1 h unless asked otherwise). */
export async function clusterCredentials(
  backends: ClusterBackends,
  row: ClusterRow,
  expiration: Duration | undefined,
  signal: AbortSignal,
): Promise<string> {
  const seconds = expiration === undefined ? usual : Number(expiration.seconds) + expiration.nanos / 1e9;
  if (seconds < shortest || seconds > longest) {
    throw invalidField("expiration", `must be between ${shortest} s and ${longest} s`);
  }
  if (row.deleteRequestedAt !== null) {
    throw new DomainError("precondition", `cluster ${row.name} is being deleted`);
  }
  if (row.appliedGeneration === 0) {
    throw new DomainError("precondition", `cluster ${row.name} is not created yet: watch its status`);
  }
  return await backends.of(row.partition).kubeconfig(row, seconds, signal);
}
