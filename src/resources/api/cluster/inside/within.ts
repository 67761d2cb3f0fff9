import type { Logger } from "pino";
import { type KubeClient, openKube } from "../../../../kube/client.js";
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
