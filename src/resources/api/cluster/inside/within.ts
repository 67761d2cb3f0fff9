import type { Logger } from "pino";
import { DomainError } from "../../../../errors.js";
import { type KubeClient, openKube } from "../../../../kube/client.js";
import { conflict, KubeError, notFound, transient, unauthenticated } from "../../../../kube/errors.js";
import type { ClusterBackend, ClusterRef } from "../kube.js";

/** Long enough for what is done in one call. */
const accessSeconds = 600;

/** Does something inside of a cluster as its administrator; throws what the backend, the API server or `work` throw. */
export async function withinCluster<R>(
  backend: ClusterBackend,
  cluster: ClusterRef,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
  work: (client: KubeClient) => Promise<R>,
): Promise<R> {
  const client = openKube({ kubeconfig: await backend.kubeconfig(cluster, accessSeconds, signal), log });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/**
 * What a failed call to the API server of a cluster means to who wanted something there. A cluster is its tenant's:
 * its words are not repeated, and what it lacks or forbids is no word about the platform or its objects. Everything
 * but a KubeError is left as it is.
 */
export function insideError(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  const options = { cause: error, ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }) };
  if (transient(error)) return new DomainError("unavailable", "the API server of the cluster does not answer", options);
  if (unauthenticated(error)) {
    return new DomainError("unavailable", "the API server of the cluster does not accept Slipway's access", options);
  }
  return new DomainError("precondition", refusalOf(error), options);
}

function refusalOf(error: KubeError): string {
  if (notFound(error)) return "the cluster does not have it any more: list again";
  if (conflict(error)) return "it was changed in the cluster meanwhile: try again";
  return "the cluster does not allow this: look at its roles and its admission rules";
}
