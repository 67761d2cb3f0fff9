import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { NamespaceState, type TargetNamespaceSchema } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import type { NamespaceRow } from "./store.js";

const states = {
  pending: NamespaceState.PENDING,
  active: NamespaceState.ACTIVE,
  refused: NamespaceState.REFUSED,
  terminating: NamespaceState.TERMINATING,
} as const satisfies Record<NamespaceRow["state"], NamespaceState>;

/** A namespace as the API shows it. */
export function namespaceMessage(row: NamespaceRow): MessageInitShape<typeof TargetNamespaceSchema> {
  return {
    uuid: row.id,
    project: row.project,
    target: row.target,
    name: row.name,
    state: states[row.state],
    message: row.message,
    adopted: row.adopted,
    labels: { ...row.labels },
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}
