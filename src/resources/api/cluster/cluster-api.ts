import type { Logger } from "pino";
import { DomainError } from "../../../errors.js";
import { type KubeClient, openKube } from "../../../kube/client.js";
import { notFound } from "../../../kube/errors.js";
import { follow } from "../../../kube/informer.js";
import { type Secret, secrets } from "../../../kube/objects.js";
import { capiClusterOf, capiNamespace } from "./cluster-api-cluster.js";
import { ensureCapiNamespace } from "./cluster-api-namespace.js";
import { capiObservationOf, hasBeenAvailable } from "./cluster-api-observation.js";
import type { ClusterApiSettings } from "./cluster-api-settings.js";
import { type CapiCluster, capiClusters, capiKeys } from "./cluster-api-types.js";
import { domainError, translated } from "./gardener-errors.js";
import { singleUserKubeconfig } from "./gardener-kubeconfig.js";
import { machinesOf } from "./gardener-machines.js";
import { gardenerProjectName } from "./gardener-shoot.js";
import { keys } from "./gardener-types.js";
import type {
  ClusterBackend,
  ClusterHandlers,
  ClusterObservation,
  ClusterOperation,
  ClusterRef,
  ClusterSpec,
} from "./kube.js";

/** What the adapter works with. */
export interface ClusterApiOptions {
  /** A client for the API server of the management cluster. */
  readonly client: KubeClient;
  readonly partition: string;
  readonly settings: ClusterApiSettings;
  readonly log: Logger;
  /** When an operation is asked for; the time unless given. */
  readonly clock?: () => Date;
  /** See FollowOptions; for tests. */
  readonly watchdogMs?: number;
}

const resyncMs = 10 * 60_000;
const nameTakenRetryMs = 5000;

/** Makes the clusters of one partition as Clusters of Cluster API, each from a ClusterClass. */
export function clusterApiBackend(options: ClusterApiOptions): ClusterBackend {
  return {
    apply: (spec, signal) => translated(() => apply(options, spec, signal)),
    operate: (ref, operation, signal) => translated(() => operate(options, ref, operation, signal)),
    remove: (ref, signal) => translated(() => remove(options, ref, signal)),
    observe: (ref, signal) =>
      translated(async () => {
        const cluster = await find(options, ref, signal);
        return cluster && capiObservationOf(cluster);
      }),
    kubeconfig: (ref, seconds, signal) => translated(() => kubeconfig(options, ref, seconds, signal)),
    // Cluster API has no dashboards.
    monitoring: async () => undefined,
    machines: (ref, signal) => translated(() => machines(options, ref, signal)),
    follow: (handlers, signal) => followCapi(options, handlers, signal),
  };
}

/** Why Cluster API cannot do what a caller asks for; undefined where it can. */
export function capiRefusal(operation: ClusterOperation): string | undefined {
  if (operation === "maintain") return "clusters of this partition have no maintenance: update them, or reconcile";
  if (operation === "retry") return "clusters of this partition never fail for good: what failed is tried again";
  return undefined;
}

function followCapi(options: ClusterApiOptions, handlers: ClusterHandlers, signal: AbortSignal): Promise<void> {
  const { client, partition, log, watchdogMs } = options;
  const observed = (cluster: CapiCluster, gone = false): ClusterObservation[] => {
    const one = capiObservationOf(cluster, gone);
    return one === undefined ? [] : [one];
  };
  return follow<CapiCluster>({
    client,
    type: capiClusters,
    labelSelector: `${keys.cluster},${keys.partition}=${partition}`,
    onSync: async (items) => {
      await handlers.onSync(items.flatMap((cluster) => observed(cluster)));
      for (const cluster of items) await noteCreated(options, cluster, signal);
    },
    onEvent: async ({ type, object }) => {
      for (const one of observed(object, type === "DELETED")) await handlers.onObservation(one);
      if (type !== "DELETED") await noteCreated(options, object, signal);
    },
    onUp: () => handlers.onUp(),
    onDown: (error) => handlers.onDown(asError(domainError(error))),
    signal,
    log,
    resyncMs,
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
  });
}

/**
 * Notes at a Cluster that its creation is over, once that has been told: Cluster API itself keeps no memory of it,
 * and a cluster that breaks down later would look as if it were still being created.
 */
async function noteCreated(
  { client, log }: ClusterApiOptions,
  cluster: CapiCluster,
  signal: AbortSignal,
): Promise<void> {
  const { annotations, deletionTimestamp } = cluster.metadata;
  if (annotations?.[capiKeys.created] !== undefined || deletionTimestamp !== undefined) return;
  if (capiObservationOf(cluster)?.state !== "Succeeded") return;
  try {
    await annotate(client, cluster, capiKeys.created, "true", signal);
  } catch (error) {
    // The next change or full read tries again.
    if (!signal.aborted)
      log.warn({ err: error, cluster: cluster.metadata.name }, "the end of a creation was not noted");
  }
}

async function apply(options: ClusterApiOptions, spec: ClusterSpec, signal: AbortSignal): Promise<string> {
  const { client, settings } = options;
  const namespace = capiNamespace(spec.project, settings);
  await ensureCapiNamespace(client, namespace, spec, signal);
  const current = await get(client, namespace, spec.name, signal);
  if (current !== undefined && current.metadata.labels?.[keys.cluster] !== spec.id) {
    const retry = { retryAfterMs: nameTakenRetryMs };
    throw new DomainError("unavailable", `the name ${spec.name} is still taken by another cluster`, retry);
  }
  if (current?.metadata.deletionTimestamp !== undefined) {
    throw new DomainError("precondition", `cluster ${spec.name} is being deleted at its backend`);
  }
  const created = current !== undefined && hasBeenAvailable(current);
  try {
    const cluster = capiClusterOf(spec, settings, current, created);
    const applied = await client.apply<CapiCluster>(capiClusters, cluster, { signal });
    return applied.metadata.resourceVersion ?? "0";
  } catch (error) {
    if (!notFound(error)) throw error;
    throw new DomainError("conflict", `cluster ${spec.name} vanished from its backend meanwhile`, { cause: error });
  }
}

async function operate(options: ClusterApiOptions, ref: ClusterRef, operation: ClusterOperation, signal: AbortSignal) {
  const refusal = capiRefusal(operation);
  if (refusal !== undefined) throw new DomainError("precondition", refusal);
  const cluster = await find(options, ref, signal);
  if (cluster === undefined) throw new DomainError("missing", `cluster ${ref.name} does not exist at its backend yet`);
  const { client, clock = () => new Date() } = options;
  await annotate(client, cluster, capiKeys.reconcile, clock().toISOString(), signal);
}

async function remove(options: ClusterApiOptions, ref: ClusterRef, signal: AbortSignal): Promise<"removing" | "gone"> {
  try {
    const cluster = await find(options, ref, signal);
    if (cluster === undefined) return "gone";
    const { name, namespace, uid, deletionTimestamp } = cluster.metadata;
    if (deletionTimestamp === undefined)
      await options.client.delete(capiClusters, { name, namespace }, { uid, signal });
    return "removing";
  } catch (error) {
    if (notFound(error)) return "gone";
    throw error;
  }
}

async function annotate(client: KubeClient, cluster: CapiCluster, key: string, value: string, signal: AbortSignal) {
  const { name, namespace, uid } = cluster.metadata;
  const patch = { metadata: { uid, annotations: { [key]: value } } };
  // With the uid the patch cannot hit a namesake that was made meanwhile.
  await client.mergePatch(capiClusters, { name, namespace }, patch, { signal });
}

async function get(client: KubeClient, namespace: string, name: string, signal: AbortSignal) {
  try {
    return await client.get<CapiCluster>(capiClusters, { namespace, name }, { signal });
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

/** The Cluster of this very cluster; undefined when there is none, or only one of the same name. */
async function find({ client, settings }: ClusterApiOptions, ref: ClusterRef, signal: AbortSignal) {
  const cluster = await get(client, capiNamespace(ref.project, settings), ref.name, signal);
  return cluster?.metadata.labels?.[keys.cluster] === ref.id ? cluster : undefined;
}

/** The kubeconfig with which Cluster API itself reaches a cluster; it is never handed out. */
async function ownKubeconfig(client: KubeClient, { metadata }: CapiCluster, signal: AbortSignal) {
  const place = { name: `${metadata.name}-kubeconfig`, namespace: metadata.namespace };
  try {
    const { data } = await client.get<Secret>(secrets, place, { signal });
    return data?.value === undefined ? undefined : Buffer.from(data.value, "base64").toString("utf8");
  } catch (error) {
    if (notFound(error)) return undefined;
    throw error;
  }
}

async function kubeconfig(
  options: ClusterApiOptions,
  ref: ClusterRef,
  expirationSeconds: number,
  signal: AbortSignal,
): Promise<string> {
  const cluster = await find(options, ref, signal);
  if (cluster === undefined) throw new DomainError("precondition", `cluster ${ref.name} is not created yet`);
  const own = await ownKubeconfig(options.client, cluster, signal);
  if (own === undefined) throw new DomainError("precondition", `cluster ${ref.name} has no API server yet`);
  // Loaded here and not before: most processes never issue a certificate.
  const { mintAdmin, withClient } = await import("./cluster-api-kubeconfig.js");
  const seconds = Math.min(86_400, Math.max(600, Math.round(expirationSeconds)));
  const pair = await within(options, own, (inside) => mintAdmin(inside, seconds, signal));
  return singleUserKubeconfig(withClient(own, pair), gardenerProjectName(ref.project), ref.name);
}

async function machines(options: ClusterApiOptions, ref: ClusterRef, signal: AbortSignal) {
  const cluster = await find(options, ref, signal);
  const own = cluster && (await ownKubeconfig(options.client, cluster, signal));
  if (own === undefined) return [];
  return await within(options, own, (inside) => machinesOf(inside, ref, options.partition, signal, roleOf));
}

function roleOf(labels: Readonly<Record<string, string>>): string {
  return labels[capiKeys.pool] ?? (labels[capiKeys.controlPlane] === undefined ? "" : "control-plane");
}

async function within<R>({ log }: ClusterApiOptions, kubeconfig: string, run: (inside: KubeClient) => Promise<R>) {
  const inside = openKube({ kubeconfig, log });
  try {
    return await run(inside);
  } finally {
    inside.close();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("the cluster backend failed", { cause: error });
}
