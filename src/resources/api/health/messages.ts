import type { MessageInitShape } from "@bufbuild/protobuf";
import { type HealthSchema, Service, ServiceStatus } from "../../../../gen/ts/api/v1/health_pb.js";
import type { ProbeResult, ProbeStatus } from "./hysteresis.js";
import type { ServiceHealth } from "./rules.js";

const services = {
  cluster: Service.CLUSTER,
  volume: Service.VOLUME,
  machines: Service.MACHINES,
} as const satisfies Record<ServiceHealth["service"], Service>;

const statuses = {
  healthy: ServiceStatus.HEALTHY,
  degraded: ServiceStatus.DEGRADED,
  unhealthy: ServiceStatus.UNHEALTHY,
} as const satisfies Record<ProbeStatus, ServiceStatus>;

/** A status on the wire. */
export const statusMessage = (status: ProbeStatus): ServiceStatus => statuses[status];

/** The health of all services on the wire. */
export function healthMessage(all: readonly ServiceHealth[]): MessageInitShape<typeof HealthSchema> {
  return {
    services: all.map(({ service, partitions, ...own }) => ({
      name: services[service],
      ...resultMessage(own),
      partitions: Object.fromEntries(Object.entries(partitions).map(([id, state]) => [id, resultMessage(state)])),
    })),
  };
}

const resultMessage = ({ status, message }: ProbeResult) => ({ status: statusMessage(status), message });
