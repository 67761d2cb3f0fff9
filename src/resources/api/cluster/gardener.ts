import type { Logger } from "pino";
import { DomainError } from "../../../errors.js";
import { type KubeClient, openKube } from "../../../kube/client.js";
import { notFound, unprocessable } from "../../../kube/errors.js";
import { follow } from "../../../kube/informer.js";
import { type Secret, secrets } from "../../../kube/objects.js";
import { domainError, translated } from "./gardener-errors.js";
import { singleUserKubeconfig } from "./gardener-kubeconfig.js";
import { machinesOf } from "./gardener-machines.js";
import { applyCredentials, ensureNamespace, namespaceOf } from "./gardener-project.js";
import type { GardenerSettings } from "./gardener-settings.js";
import { gardenerProjectName, observationOf, shootOf } from "./gardener-shoot.js";
import { keys, type Shoot, shoots } from "./gardener-types.js";
import type {
  ClusterBackend,
  ClusterHandlers,
  ClusterMonitoring,
  ClusterObservation,
  ClusterOperation,
  ClusterRef,
  ClusterSpec,
} from "./kube.js";

/** What the adapter works with. */
export interface GardenerOptions {
  /** A client for the API server of the virtual garden. */
  readonly client: KubeClient;
  readonly partition: string;
  readonly settings: GardenerSettings;
  readonly log: Logger;
  /** How long to wait for the namespace of a new project, in milliseconds; 10 000 unless given. */
  readonly projectWaitMs?: number;
  /** See FollowOptions; for tests. */
  readonly watchdogMs?: number;
}

type KubeconfigKind = "AdminKubeconfigRequest" | "ViewerKubeconfigRequest";

const resyncMs = 10 * 60_000;
const nameTakenRetryMs = 5000;

/** Makes the clusters of one partition as Gardener Shoots. */
export function gardenerBackend(options: GardenerOptions): ClusterBackend {
  const { client } = options;
  return {
    apply: (spec, signal) => translated(() => apply(options, spec, signal)),
    operate: (ref, operation, signal) => translated(() => operate(client, ref, operation, signal)),
    remove: (ref, signal) => translated(() => remove(client, ref, signal)),
    observe: (ref, signal) =>
      translated(async () => {
        const shoot = await find(client, ref, signal);
        return shoot && observationOf(shoot);
      }),
    kubeconfig: (ref, seconds, signal) =>
      translated(() => kubeconfig(client, ref, "AdminKubeconfigRequest", seconds, signal)),
    monitoring: (ref, signal) => translated(() => monitoring(client, ref, signal)),
    machines: (ref, signal) => translated(() => machines(options, ref, signal)),
    follow: (handlers, signal) => followShoots(options, handlers, signal),
  };
}

function followShoots(options: GardenerOptions, handlers: ClusterHandlers, signal: AbortSignal): Promise<void> {
  const { client, partition, log, watchdogMs } = options;
  const observed = (shoot: Shoot, gone = false): ClusterObservation[] => {
    const one = observationOf(shoot, gone);
    return one === undefined ? [] : [one];
  };
  return follow<Shoot>({
    client,
    type: shoots,
    labelSelector: `${keys.cluster},${keys.partition}=${partition}`,
    onSync: (items) => handlers.onSync(items.flatMap((shoot) => observed(shoot))),
    onEvent: async ({ type, object }) => {
      for (const one of observed(object, type === "DELETED")) await handlers.onObservation(one);
    },
    onUp: () => handlers.onUp(),
    onDown: (error) => handlers.onDown(asError(domainError(error))),
    signal,
    log,
    resyncMs,
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
  });
}

async function operate(client: KubeClient, ref: ClusterRef, operation: ClusterOperation, signal: AbortSignal) {
  const shoot = await required(client, ref, signal);
  // Gardener would drop the annotation without a word.
  if (operation === "retry" && shoot.status?.lastOperation?.state !== "Failed") {
    throw new DomainError("precondition", "only a cluster whose last operation has failed can be retried");
  }
  await annotate(client, shoot, keys.operation, operation, signal);
}

async function apply(options: GardenerOptions, spec: ClusterSpec, signal: AbortSignal): Promise<string> {
  const { client, settings, projectWaitMs = 10_000 } = options;
  const namespace = await ensureNamespace(client, spec, projectWaitMs, signal);
  await applyCredentials(client, namespace, settings, signal);
  const current = await get(client, namespace, spec.name, signal);
  if (current !== undefined && current.metadata.labels?.[keys.cluster] !== spec.id) {
    const retry = { retryAfterMs: nameTakenRetryMs };
    throw new DomainError("unavailable", `the name ${spec.name} is still taken by another cluster`, retry);
  }
  if (current?.metadata.deletionTimestamp !== undefined) {
    throw new DomainError("precondition", `cluster ${spec.name} is being deleted at its backend`);
  }
  try {
    const applied = await client.apply<Shoot>(shoots, shootOf(spec, namespace, settings, current), { signal });
    return applied.metadata.resourceVersion ?? "0";
  } catch (error) {
    if (!notFound(error)) throw error;
    throw new DomainError("conflict", `cluster ${spec.name} vanished from its backend meanwhile`, { cause: error });
  }
}

async function remove(client: KubeClient, ref: ClusterRef, signal: AbortSignal): Promise<"removing" | "gone"> {
  try {
    const shoot = await find(client, ref, signal);
    if (shoot === undefined) return "gone";
    if (shoot.metadata.deletionTimestamp !== undefined) return "removing";
    await annotate(client, shoot, keys.confirmDeletion, "true", signal);
    const { name, namespace, uid } = shoot.metadata;
    await client.delete(shoots, { name, namespace }, { uid, signal });
    return "removing";
  } catch (error) {
    if (notFound(error)) return "gone";
    throw error;
  }
}

async function annotate(client: KubeClient, shoot: Shoot, key: string, value: string, signal: AbortSignal) {
  const { name, namespace, uid } = shoot.metadata;
  // With the uid the patch cannot hit a namesake that was made meanwhile.
  await client.mergePatch(
    shoots,
    { name, namespace },
    { metadata: { uid, annotations: { [key]: value } } },
    { signal },
  );
}

async function get(client: KubeClient, namespace: string, name: string, signal: AbortSignal) {
  try {
    return await client.get<Shoot>(shoots, { namespace, name }, { signal });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** The Shoot of this very cluster; undefined when there is none, or only one of the same name. */
async function find(client: KubeClient, ref: ClusterRef, signal: AbortSignal): Promise<Shoot | undefined> {
  const namespace = await namespaceOf(client, ref.project, signal);
  const shoot = namespace === undefined ? undefined : await get(client, namespace, ref.name, signal);
  return shoot?.metadata.labels?.[keys.cluster] === ref.id ? shoot : undefined;
}

async function required(client: KubeClient, ref: ClusterRef, signal: AbortSignal): Promise<Shoot> {
  const shoot = await find(client, ref, signal);
  if (shoot === undefined) throw new DomainError("missing", `cluster ${ref.name} does not exist at its backend yet`);
  return shoot;
}

async function kubeconfig(
  client: KubeClient,
  ref: ClusterRef,
  kind: KubeconfigKind,
  expirationSeconds: number,
  signal: AbortSignal,
): Promise<string> {
  const shoot = await find(client, ref, signal);
  if (shoot === undefined) throw new DomainError("precondition", `cluster ${ref.name} is not created yet`);
  const body = {
    apiVersion: "authentication.gardener.cloud/v1alpha1",
    kind,
    spec: { expirationSeconds: Math.min(86_400, Math.max(600, Math.round(expirationSeconds))) },
  };
  const path = kind === "AdminKubeconfigRequest" ? "adminkubeconfig" : "viewerkubeconfig";
  try {
    const answer = await client.createSubresource<{ status?: { kubeconfig?: string } }>(
      shoots,
      shoot.metadata,
      path,
      body,
      { signal },
    );
    const text = Buffer.from(answer.status?.kubeconfig ?? "", "base64").toString("utf8");
    return singleUserKubeconfig(text, gardenerProjectName(ref.project), ref.name);
  } catch (error) {
    if (!unprocessable(error)) throw error;
    throw new DomainError("precondition", `cluster ${ref.name} has no API server yet`, { cause: error });
  }
}

async function monitoring(
  client: KubeClient,
  ref: ClusterRef,
  signal: AbortSignal,
): Promise<ClusterMonitoring | undefined> {
  const shoot = await find(client, ref, signal);
  if (shoot === undefined) return undefined;
  const place = { name: `${ref.name}.monitoring`, namespace: shoot.metadata.namespace };
  try {
    const { data = {}, metadata } = await client.get<Secret>(secrets, place, { signal });
    const endpoint = metadata.annotations?.["plutono-url"];
    const read = (key: string) => Buffer.from(data[key] ?? "", "base64").toString("utf8");
    return endpoint === undefined ? undefined : { username: read("username"), password: read("password"), endpoint };
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

async function machines({ client, partition, log }: GardenerOptions, ref: ClusterRef, signal: AbortSignal) {
  const shoot = await find(client, ref, signal);
  if (!shoot?.status?.advertisedAddresses?.length) return [];
  const inside = openKube({ kubeconfig: await kubeconfig(client, ref, "ViewerKubeconfigRequest", 600, signal), log });
  try {
    return await machinesOf(inside, ref, partition, signal);
  } finally {
    inside.close();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("the cluster backend failed", { cause: error });
}
