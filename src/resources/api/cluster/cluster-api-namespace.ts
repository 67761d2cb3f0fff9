import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { alreadyExists } from "../../../kube/errors.js";
import { type KubeObject, namespaces } from "../../../kube/objects.js";
import { getObject } from "./backend-objects.js";
import { keys } from "./gardener-types.js";

const retryAfterMs = 5000;

/**
 * Makes the namespace of a project unless it is there. Throws DomainError: unavailable while it is being deleted,
 * precondition when the name belongs to somebody else.
 */
export async function ensureCapiNamespace(
  client: KubeClient,
  name: string,
  { project, tenant }: { readonly project: string; readonly tenant: string },
  signal: AbortSignal,
): Promise<void> {
  const found =
    (await getObject(client, namespaces, { name }, signal)) ?? (await create(client, name, project, tenant, signal));
  if (found.metadata.labels?.[keys.project] !== project) {
    throw new DomainError("precondition", `the namespace ${name} belongs to somebody else at the cluster backend`);
  }
  if (found.metadata.deletionTimestamp !== undefined) {
    throw new DomainError("unavailable", `the namespace ${name} is being deleted at the cluster backend`, {
      retryAfterMs,
    });
  }
}

async function create(client: KubeClient, name: string, project: string, tenant: string, signal: AbortSignal) {
  const metadata = { name, labels: { [keys.project]: project }, annotations: { [keys.tenant]: tenant } };
  try {
    return await client.create<KubeObject>(namespaces, { metadata }, { signal });
  } catch (error) {
    // Somebody else was faster.
    if (alreadyExists(error)) return await client.get<KubeObject>(namespaces, { name }, { signal });
    throw error;
  }
}
