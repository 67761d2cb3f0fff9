import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { EnvironmentSchema } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { constraintFields } from "./rules.js";
import type { EnvironmentRow } from "./store.js";
import type { Toleration } from "./table.js";

/** An environment as the API shows it. */
export function environmentMessage(row: EnvironmentRow): MessageInitShape<typeof EnvironmentSchema> {
  return {
    uuid: row.id,
    project: row.project,
    name: row.name,
    description: row.description,
    isDefault: row.isDefault,
    nodeSelector: { ...row.nodeSelector },
    tolerations: row.tolerations.map(tolerationMessage),
    constraints: row.constraints.map(({ field, values, deny }) => ({
      field: constraintFields[field],
      values: [...values],
      deny,
    })),
    labels: { ...row.labels },
    version: BigInt(row.version),
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}

/** A toleration as the API shows it. */
export function tolerationMessage({ key = "", operator = "", value = "", effect = "", tolerationSeconds }: Toleration) {
  const seconds = tolerationSeconds === undefined ? {} : { tolerationSeconds: BigInt(tolerationSeconds) };
  return { key, operator, value, effect, ...seconds };
}
