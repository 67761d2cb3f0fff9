import type { ConnectRouter } from "@connectrpc/connect";
import { ClusterService, Operate } from "../../../../gen/ts/admin/v1/cluster_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { clusterBackends } from "./backends.js";
import { clusterCredentials } from "./credentials.js";
import { clusterMessage } from "./messages.js";
import { openMonitoring } from "./monitoring.js";
import { operateCluster } from "./operate.js";
import { clusterStore } from "./store.js";
import { found } from "./writes.js";

/** admin.v1.ClusterService: the clusters of all projects, for operators. */
export function registerAdminCluster(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const backends = clusterBackends(platform);
  router.service(ClusterService, {
    async get({ uuid, withMachines }, context) {
      const row = found(await clusterStore.get(db, { id: uuid }), uuid);
      const machines = withMachines ? await backends.of(row.partition).machines(row, context.signal) : [];
      return { cluster: clusterMessage(row, await openMonitoring(platform.keyring, row)), machines: [...machines] };
    },
    async list(request) {
      const { uuid, ...filter } = request;
      const rows = await clusterStore.find(db, { ...filter, id: uuid });
      return { clusters: rows.map((row) => clusterMessage(row)) };
    },
    async credentials({ uuid, withVpn, withSsh, expiration }, context) {
      if (withVpn || withSsh) {
        throw new DomainError("precondition", "this partition has neither VPN nor SSH access to its machines");
      }
      const row = found(await clusterStore.get(db, { id: uuid }), uuid);
      return { kubeconfig: await clusterCredentials(backends, row, expiration, context.signal) };
    },
    async operate({ uuid, operate }) {
      return { cluster: clusterMessage(await operateCluster(platform, { id: uuid }, Operate[operate])) };
    },
  });
}
