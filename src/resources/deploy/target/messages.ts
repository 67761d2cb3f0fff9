import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ConnectionState,
  TargetHealth,
  type TargetNodeSchema,
  type TargetSchema,
} from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { TargetRow } from "./store.js";
import type { NodeFacts } from "./table.js";

const connections = {
  pending: ConnectionState.PENDING,
  connected: ConnectionState.CONNECTED,
  disconnected: ConnectionState.DISCONNECTED,
} as const satisfies Record<TargetRow["connection"], ConnectionState>;

const healths = {
  unknown: TargetHealth.UNKNOWN,
  healthy: TargetHealth.HEALTHY,
  degraded: TargetHealth.DEGRADED,
  unhealthy: TargetHealth.UNHEALTHY,
} as const satisfies Record<TargetRow["health"], TargetHealth>;

/** A target as the API shows it. */
export function targetMessage(row: TargetRow): MessageInitShape<typeof TargetSchema> {
  return {
    uuid: row.id,
    project: row.project,
    name: row.name,
    description: row.description,
    cluster: row.cluster ?? "",
    server: row.server,
    connection: connections[row.connection],
    connectionMessage: row.connectionMessage,
    ...(row.lastSeenAt === null ? {} : { lastSeenAt: timestampFromDate(row.lastSeenAt) }),
    health: healths[row.health],
    healthMessage: row.healthMessage,
    kubernetesVersion: row.kubernetesVersion,
    capabilities: { ...row.capabilities },
    routers: row.routers.map(({ annotations, ...router }) => ({ ...router, annotations: { ...annotations } })),
    labels: { ...row.labels },
    version: BigInt(row.version),
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}

/** A node as the API shows it. */
export function nodeMessage(node: NodeFacts): MessageInitShape<typeof TargetNodeSchema> {
  const { createdAt, addresses, allocatable, labels, ...rest } = node;
  const made = new Date(createdAt);
  return {
    ...rest,
    addresses: [...addresses],
    allocatable: { ...allocatable },
    labels: { ...labels },
    ...(Number.isNaN(made.getTime()) ? {} : { createdAt: timestampFromDate(made) }),
  };
}
