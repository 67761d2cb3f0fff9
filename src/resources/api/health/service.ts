import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { HealthService, type HealthStatusSchema, Service, ServiceStatus } from "../../../../gen/ts/api/v1/health_pb.js";
import type { Platform } from "../../../platform.js";
import { type PartitionHealthRow, partitionHealthStore } from "./store.js";

/** Workers report every ten seconds; after this there is none. */
const silenceMs = 35_000;

/** api.v1.HealthService: whether clusters can be worked on, by partition. */
export function registerHealth(router: ConnectRouter, platform: Platform): void {
  router.service(HealthService, {
    async get() {
      const rows = await partitionHealthStore.list(platform.db);
      return { health: { services: [clusterHealth(rows, platform.assets.partitions, platform.clock())] } };
    },
  });
}

/** The cluster service is degraded while any partition's Kubernetes cannot be reached. */
export function clusterHealth(
  rows: readonly PartitionHealthRow[],
  partitions: readonly string[],
  now: Date,
): MessageInitShape<typeof HealthStatusSchema> {
  const states = Object.fromEntries(
    partitions.map((partition) => [
      partition,
      partitionState(
        rows.find((row) => row.partition === partition),
        now,
      ),
    ]),
  );
  const down = partitions.filter((partition) => states[partition]?.status !== ServiceStatus.HEALTHY);
  return {
    name: Service.CLUSTER,
    status: down.length === 0 ? ServiceStatus.HEALTHY : ServiceStatus.DEGRADED,
    message: down.length === 0 ? "" : `changes wait until they can be carried out in ${down.join(", ")}`,
    partitions: states,
  };
}

function partitionState(row: PartitionHealthRow | undefined, now: Date) {
  if (row === undefined || now.getTime() - row.observedAt.getTime() > silenceMs) {
    return { status: ServiceStatus.DEGRADED, message: "no worker reports on this partition" };
  }
  // What exactly failed is for operators: it stays in the logs of the worker.
  return row.reachable
    ? { status: ServiceStatus.HEALTHY, message: "" }
    : { status: ServiceStatus.DEGRADED, message: "its Kubernetes cannot be reached" };
}
