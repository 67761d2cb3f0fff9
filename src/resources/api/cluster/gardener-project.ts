import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { alreadyExists, notFound } from "../../../kube/errors.js";
import type { GardenerSettings } from "./gardener-settings.js";
import { gardenerProjectName } from "./gardener-shoot.js";
import {
  type CredentialsBinding,
  credentialsBindings,
  type GardenerProject,
  gardenerProjects,
  keys,
} from "./gardener-types.js";

const pollMs = 200;

/** The namespace of a project's Shoots; undefined as long as Gardener has none for it. */
export async function namespaceOf(
  client: KubeClient,
  project: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await findProject(client, project, signal))?.spec?.namespace;
}

/**
 * Makes the Gardener Project of a project unless it is there, waits up to `waitMs` for its namespace, and answers
 * that. Throws DomainError: unavailable when it takes longer, precondition when the name belongs to another project.
 */
export async function ensureNamespace(
  client: KubeClient,
  { project, tenant }: { readonly project: string; readonly tenant: string },
  waitMs: number,
  signal: AbortSignal,
): Promise<string> {
  const end = performance.now() + waitMs;
  for (;;) {
    const found =
      (await findProject(client, project, signal)) ?? (await createProject(client, project, tenant, signal));
    const namespace = found?.spec?.namespace;
    if (found?.status?.phase === "Ready" && found.metadata.deletionTimestamp === undefined && namespace)
      return namespace;
    if (performance.now() + pollMs > end) {
      throw new DomainError("unavailable", "the project is not ready at the cluster backend yet", {
        retryAfterMs: 5000,
      });
    }
    await sleep(pollMs, undefined, { signal });
  }
}

/** Undefined when somebody else was faster: then it can be found. */
async function createProject(client: KubeClient, project: string, tenant: string, signal: AbortSignal) {
  const metadata = {
    name: gardenerProjectName(project),
    labels: { [keys.project]: project },
    annotations: { [keys.tenant]: tenant },
  };
  const description = `Slipway project ${project}`;
  try {
    return await client.create<GardenerProject>(gardenerProjects, { metadata, spec: { description } }, { signal });
  } catch (error) {
    if (alreadyExists(error)) return undefined;
    throw error;
  }
}

async function findProject(client: KubeClient, project: string, signal: AbortSignal) {
  const name = gardenerProjectName(project);
  try {
    const found = await client.get<GardenerProject>(gardenerProjects, { name }, { signal });
    if (found.metadata.labels?.[keys.project] === project) return found;
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
  throw new DomainError("precondition", `the name ${name} belongs to another project at the cluster backend`);
}

/** Makes the credentials of the partition usable in a project's namespace, if Slipway is to do that. */
export async function applyCredentials(
  client: KubeClient,
  namespace: string,
  { credentialsBinding, provider }: GardenerSettings,
  signal: AbortSignal,
): Promise<void> {
  const { name, credentials } = credentialsBinding;
  if (credentials === undefined) return;
  const binding: CredentialsBinding = {
    metadata: { name, namespace },
    provider: { type: provider.type },
    credentialsRef: {
      apiVersion: credentials.apiVersion ?? "v1",
      kind: credentials.kind ?? "Secret",
      namespace: credentials.namespace,
      name: credentials.name,
    },
  };
  await client.apply(credentialsBindings, binding, { signal });
}
