import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { CallOptions } from "../../../kube/caller.js";
import { type KubeClient, openKube } from "../../../kube/client.js";
import { unauthenticated, untrusted } from "../../../kube/errors.js";
import type { Pace } from "../../../kube/pace.js";
import type { Platform } from "../../../platform.js";
import { type ClusterBackends, clusterBackends } from "../../api/cluster/backends.js";
import { renewalMs } from "../../api/cluster/inside/access-life.js";
import { type ClusterRow, clusterStore } from "../../api/cluster/store.js";
import { serverIn } from "./server.js";
import { type TargetKey, targetStore } from "./store.js";

/** How long the access to a cluster of the platform holds, and after how much of it a new one is taken at the latest. */
const accessSeconds = 3_600;
const longestAccessMs = (accessSeconds * 1000) / 2;
/** How long the backend may take to give it. */
const accessMs = 15_000;
/** A kubeconfig that was replaced is used no longer than that. */
const foreignMs = 60_000;
/** Calls and watches that run when access is renewed may go on for so long. */
const lingerMs = 600_000;

/** A client for the API server of a target. */
export interface TargetClient extends KubeClient {
  /** URL of the API server, once there was a call; empty before. */
  server(): string;
}

interface Access {
  readonly client: KubeClient;
  readonly server: string;
  /** By performance.now(). */
  readonly until: number;
}

/**
 * A client for a target, for as long as it is wanted: close it then. The platform takes the access to its own
 * clusters, renews it in time, and at once when the API server does not accept it any more; a foreign kubeconfig is
 * read again every minute. Nothing happens before the first call. With a pace, calls wait for it, and it counts what
 * they read. Calls throw KubeError, or DomainError when there is no access: "missing" when the target or its cluster is
 * gone, "precondition" when the cluster is going, and "unavailable" when it is not made yet, or when its backend does
 * not answer.
 */
export function targetAccess(
  platform: Platform,
  target: TargetKey,
  backends: ClusterBackends = clusterBackends(platform),
  pace?: Pace,
): TargetClient {
  const accesses = renewed(() => openAccess(platform, target, backends, pace));
  const call: Call = async (work, options = {}) => {
    options.signal?.throwIfAborted();
    const access = await accesses.get();
    try {
      return await work(access.client);
    } catch (error) {
      if (!unauthenticated(error) && !untrusted(error)) throw error;
      accesses.retire(access);
      return await work((await accesses.get()).client);
    }
  };
  return { ...calling(call), server: () => accesses.server(), close: () => accesses.close() };
}

/** One access at a time, opened when it is wanted and as soon as the one before has ended. */
function renewed(open: () => Promise<Access>) {
  let opening: Promise<Access> | undefined;
  let current: Access | undefined;
  let server = "";
  const lingering = new Map<Access, NodeJS.Timeout>();
  const end = (access: Access): void => {
    clearTimeout(lingering.get(access));
    lingering.delete(access);
    access.client.close();
  };
  const retire = (access: Access): void => {
    if (current !== access) return;
    current = undefined;
    lingering.set(access, setTimeout(() => end(access), lingerMs).unref());
  };
  return {
    async get(): Promise<Access> {
      if (current !== undefined && performance.now() >= current.until) retire(current);
      if (current !== undefined) return current;
      opening ??= open().finally(() => {
        opening = undefined;
      });
      current = await opening;
      server = current.server;
      return current;
    },
    retire,
    server: () => server,
    close(): void {
      if (current !== undefined) retire(current);
      for (const access of lingering.keys()) end(access);
    },
  };
}

type Call = <R>(work: (client: KubeClient) => Promise<R>, options?: CallOptions) => Promise<R>;

/** The methods of a client by way of `call`. */
function calling(call: Call): Omit<KubeClient, "close"> {
  return {
    load: () => call((client) => client.load()),
    get: (type, place, options) => call((client) => client.get(type, place, options), options),
    getBelow: (type, place, path, options) => call((client) => client.getBelow(type, place, path, options), options),
    getPath: (path, options) => call((client) => client.getPath(path, options), options),
    list: (type, options) => call((client) => client.list(type, options), options),
    apply: (type, object, options) => call((client) => client.apply(type, object, options), options),
    create: (type, object, options) => call((client) => client.create(type, object, options), options),
    mergePatch: (type, place, patch, options) =>
      call((client) => client.mergePatch(type, place, patch, options), options),
    delete: (type, place, options) => call((client) => client.delete(type, place, options), options),
    createSubresource: (type, place, subresource, body, options) =>
      call((client) => client.createSubresource(type, place, subresource, body, options), options),
    replaceSubresource: (type, object, subresource, options) =>
      call((client) => client.replaceSubresource(type, object, subresource, options), options),
    streamBelow: (type, place, subresource, query, signal) =>
      call((client) => client.streamBelow(type, place, subresource, query, signal), { signal }),
    exec: (pod, options) => call((client) => client.exec(pod, options), options),
    watch: (type, options) => call((client) => client.watch(type, options), { signal: options.signal }),
  };
}

async function openAccess(
  platform: Platform,
  target: TargetKey,
  backends: ClusterBackends,
  pace: Pace | undefined,
): Promise<Access> {
  const { db, log, keyring, settings, clock } = platform;
  const access = await targetStore.access(db, target);
  if (access === undefined) throw new DomainError("missing", `target ${target.id} does not exist`);
  if (access.kubeconfigSealed !== null) {
    const kubeconfig = await keyring.open(access.kubeconfigSealed);
    const client = openKube({ kubeconfig, log, pace, scope: settings.targetAddresses });
    return { client, server: serverIn(kubeconfig), until: performance.now() + foreignMs };
  }
  const kubeconfig = await clusterKubeconfig(platform, access.cluster ?? "", backends);
  const until = performance.now() + renewalMs(kubeconfig, clock(), longestAccessMs);
  return { client: openKube({ kubeconfig, log, pace }), server: serverIn(kubeconfig), until };
}

async function clusterKubeconfig({ db }: Platform, id: string, backends: ClusterBackends): Promise<string> {
  const cluster = await usableCluster(db, id);
  return await backends.of(cluster.partition).kubeconfig(cluster, accessSeconds, AbortSignal.timeout(accessMs));
}

/** The cluster of a target; throws DomainError as calls do when it is gone, going, or not made yet. */
export async function usableCluster(db: Database, id: string): Promise<ClusterRow> {
  const [cluster] = await clusterStore.byIds(db, [id]);
  if (cluster === undefined || cluster.deletedAt !== null) {
    throw new DomainError("missing", "the cluster is deleted");
  }
  if (cluster.deleteRequestedAt !== null) throw new DomainError("precondition", "the cluster is being deleted");
  if (cluster.appliedGeneration === 0) throw new DomainError("unavailable", "the cluster is not created yet");
  return cluster;
}
