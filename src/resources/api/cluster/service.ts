import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  ClusterService,
  type ClusterServiceWatchStatusRequest,
  type ClusterServiceWatchStatusResponse,
  ClusterServiceWatchStatusResponseSchema,
  Operate,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { createFollower } from "../../../changes/follow.js";
import type { View } from "../../../changes/selection.js";
import type { Platform } from "../../../platform.js";
import { projectStore } from "../project/store.js";
import { clusterBackends } from "./backends.js";
import { clusterCredentials } from "./credentials.js";
import { clusterMessage, listedMessage, statusMessage } from "./messages.js";
import { openMonitoring } from "./monitoring.js";
import { operateCluster } from "./operate.js";
import { type ClusterRow, clusterStore } from "./store.js";
import { createCluster, deleteCluster, found, noProject, updateCluster } from "./writes.js";

/** api.v1.ClusterService: Kubernetes clusters of a project. */
export function registerCluster(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const backends = clusterBackends(platform);
  const watch = createWatch(platform);
  router.service(ClusterService, {
    create: async (request) => ({ cluster: clusterMessage(await createCluster(platform, request)) }),
    update: async (request) => ({ cluster: clusterMessage(await updateCluster(platform, request)) }),
    async get({ project, uuid }) {
      const row = found(await clusterStore.get(db, { project, id: uuid }), uuid);
      return { cluster: clusterMessage(row, await openMonitoring(platform.keyring, row)) };
    },
    async list({ project }) {
      return { clusters: (await clusterStore.list(db, project)).map(listedMessage) };
    },
    delete: async ({ project, uuid }) => ({ cluster: clusterMessage(await deleteCluster(platform, project, uuid)) }),
    watchStatus: watch,
    async getCredentials({ project, uuid, expiration }, context) {
      const row = found(await clusterStore.get(db, { project, id: uuid }), uuid);
      return { kubeconfig: await clusterCredentials(backends, row, expiration, context.signal) };
    },
    async operate({ project, uuid, operate }) {
      return { cluster: clusterMessage(await operateCluster(platform, { project, id: uuid }, Operate[operate])) };
    },
  });
}

/** How long after its deletion a cluster is still told to those who had to read their project again. */
const lastWordMs = 3_600_000;

/** Streams the status of one cluster, until it is deleted, or of all clusters of a project. */
function createWatch(platform: Platform) {
  const { db } = platform;
  const follower = createFollower<ClusterRow>({
    feed: platform.feed,
    topic: "cluster",
    load: (ids) => clusterStore.byIds(db, ids),
    keyOf: (row) => row.id,
    scopeOf: (row) => row.project,
    versionOf: (row) => row.revision,
    log: platform.log,
  });
  // All readers of a row get the same message object, so that it is built, and encoded, once for all of them.
  const responses = new WeakMap<ClusterRow, ClusterServiceWatchStatusResponse>();
  const responseOf = (row: ClusterRow): ClusterServiceWatchStatusResponse => {
    const response =
      responses.get(row) ?? create(ClusterServiceWatchStatusResponseSchema, { status: statusMessage(row) });
    responses.set(row, response);
    return response;
  };
  const recently = () => new Date(platform.clock().getTime() - lastWordMs);
  const one = { show: responseOf, isLast: (row: ClusterRow) => row.deletedAt !== null };
  return (request: ClusterServiceWatchStatusRequest, { signal }: HandlerContext) => {
    // The feed names rows as the database writes uuids.
    const [scope, key] = [request.project.toLowerCase(), request.uuid?.toLowerCase()];
    if (key === undefined) {
      const check = async () => {
        if ((await projectStore.get(db, scope)) === undefined) throw noProject(scope);
      };
      const initial = () => clusterStore.listWithDeleted(db, scope, recently());
      return follower.show({ scope, check, initial }, viewOfAll(responseOf), signal);
    }
    // A cluster that is gone still has its last word for a reader who comes back.
    const initial = async () => (await clusterStore.byIds(db, [key])).filter(({ project }) => project === scope);
    const check = async () => void found((await initial())[0], key);
    return follower.show({ scope, key, check, initial }, one, signal);
  };
}

/** Whoever follows a project hears the last word of the clusters that were told before, and of no others. */
function viewOfAll<V>(show: (row: ClusterRow) => V): View<ClusterRow, V> {
  const told = new Set<string>();
  return {
    show(row) {
      if (row.deletedAt === null) told.add(row.id);
      else if (!told.delete(row.id)) return undefined;
      return show(row);
    },
  };
}
