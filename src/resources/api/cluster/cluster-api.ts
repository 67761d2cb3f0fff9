import type { Logger } from "pino";
import { DomainError } from "../../../errors.js";
import { type KubeClient, openKube } from "../../../kube/client.js";
import { type Secret, secrets } from "../../../kube/objects.js";
import {
  annotateObject,
  applyObject,
  getObject,
  grantedSeconds,
  isOf,
  removeObject,
  requireUsable,
} from "./backend-objects.js";
import { capiClusterOf, capiNamespace } from "./cluster-api-cluster.js";
import { ensureCapiNamespace } from "./cluster-api-namespace.js";
import { capiObservationOf, hasBeenAvailable } from "./cluster-api-observation.js";
import type { ClusterApiSettings } from "./cluster-api-settings.js";
import { type CapiCluster, capiClusters, capiKeys } from "./cluster-api-types.js";
import { followObjects } from "./follow-objects.js";
import { translated } from "./gardener-errors.js";
import { singleUserKubeconfig } from "./gardener-kubeconfig.js";
import { machinesOf } from "./gardener-machines.js";
import { gardenerProjectName } from "./gardener-shoot.js";
import { keys } from "./gardener-types.js";
import type { ClusterBackend, ClusterHandlers, ClusterOperation, ClusterRef, ClusterSpec } from "./kube.js";

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

/** Makes the clusters of one partition as Clusters of Cluster API, each from a ClusterClass. */
export function clusterApiBackend(options: ClusterApiOptions): ClusterBackend {
  return {
    apply: (spec, signal) => translated(() => apply(options, spec, signal)),
    operate: (ref, operation, signal) => translated(() => operate(options, ref, operation, signal)),
    remove: (ref, signal) =>
      translated(() => removeObject(options.client, capiClusters, () => find(options, ref, signal), signal)),
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
  const onTold = (cluster: CapiCluster) => noteCreated(options, cluster, signal);
  const observationOf = capiObservationOf;
  return followObjects(
    { client, partition, type: capiClusters, observationOf, onTold, log, watchdogMs },
    handlers,
    signal,
  );
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
    await annotateObject(client, capiClusters, cluster, [capiKeys.created, "true"], signal);
  } catch (error) {
    // The next change or full read tries again.
    if (!signal.aborted)
      log.warn({ err: error, cluster: cluster.metadata.name }, "the end of a creation was not noted");
  }
}

async function apply(options: ClusterApiOptions, spec: ClusterSpec, signal: AbortSignal): Promise<string> {
  const { client, settings } = options;
  const current = (await find(options, spec, signal)) ?? (await makeRoom(options, spec, signal));
  requireUsable(current, spec);
  const created = current !== undefined && hasBeenAvailable(current);
  return await applyObject(client, capiClusters, capiClusterOf(spec, settings, current, created), signal);
}

/** Makes the namespace of a new cluster; answers what has its name there already. */
async function makeRoom({ client, settings }: ClusterApiOptions, spec: ClusterSpec, signal: AbortSignal) {
  const namespace = capiNamespace(spec.project, settings);
  await ensureCapiNamespace(client, namespace, spec, signal);
  return await getObject<CapiCluster>(client, capiClusters, { namespace, name: spec.name }, signal);
}

async function operate(options: ClusterApiOptions, ref: ClusterRef, operation: ClusterOperation, signal: AbortSignal) {
  const refusal = capiRefusal(operation);
  if (refusal !== undefined) throw new DomainError("precondition", refusal);
  const cluster = await find(options, ref, signal);
  if (cluster === undefined) throw new DomainError("missing", `cluster ${ref.name} does not exist at its backend yet`);
  const { client, clock = () => new Date() } = options;
  await annotateObject(client, capiClusters, cluster, [capiKeys.reconcile, clock().toISOString()], signal);
}

/**
 * The Cluster of this very cluster; undefined when there is none, or only one of the same name. It is where it was
 * made: the settings may have named another namespace then.
 */
async function find({ client, settings }: ClusterApiOptions, ref: ClusterRef, signal: AbortSignal) {
  const place = { namespace: capiNamespace(ref.project, settings), name: ref.name };
  const near = await getObject<CapiCluster>(client, capiClusters, place, signal);
  if (near !== undefined && isOf(near, ref)) return near;
  const labelSelector = `${keys.cluster}=${ref.id},${keys.project}=${ref.project}`;
  const { items } = await client.list<CapiCluster>(capiClusters, { labelSelector, signal });
  return items.find(({ metadata }) => metadata.name === ref.name);
}

/** The kubeconfig with which Cluster API itself reaches a cluster; it is never handed out. */
async function ownKubeconfig(client: KubeClient, { metadata }: CapiCluster, signal: AbortSignal) {
  const place = { name: `${metadata.name}-kubeconfig`, namespace: metadata.namespace };
  const value = (await getObject<Secret>(client, secrets, place, signal))?.data?.value;
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
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
  const pair = await within(options, own, (inside) => mintAdmin(inside, grantedSeconds(expirationSeconds), signal));
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
