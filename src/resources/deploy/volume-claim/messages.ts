import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type VolumeClaimSchema, VolumeClaimState } from "../../../../gen/ts/deploy/v1/volume_claim_pb.js";
import { accessModes } from "./rules.js";
import type { ClaimUser, VolumeClaimRow } from "./store.js";

const states = {
  pending: VolumeClaimState.PENDING,
  bound: VolumeClaimState.BOUND,
  failed: VolumeClaimState.FAILED,
  terminating: VolumeClaimState.TERMINATING,
} as const satisfies Record<VolumeClaimRow["state"], VolumeClaimState>;

/** A volume claim as the API shows it, with the deployments that mount it. */
export function volumeClaimMessage(
  row: VolumeClaimRow,
  users: readonly ClaimUser[] = [],
): MessageInitShape<typeof VolumeClaimSchema> {
  return {
    uuid: row.id,
    project: row.project,
    environment: row.environment,
    namespace: row.namespace,
    name: row.name,
    size: row.size,
    storageClass: row.storageClass,
    accessMode: accessModes[row.accessMode],
    state: states[row.state],
    message: row.message,
    capacity: row.capacity,
    deployments: users.map(({ id }) => id),
    labels: { ...row.labels },
    version: BigInt(row.version),
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}
