import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { QuotaSchema } from "../../../../gen/ts/deploy/v1/quota_pb.js";
import type { QuotaRow, QuotaUse } from "./store.js";

/** A quota as the API shows it. */
export function quotaMessage(row: QuotaRow | undefined, use: QuotaUse): MessageInitShape<typeof QuotaSchema> {
  return {
    deploymentsLimit: BigInt(row?.deploymentsLimit ?? -1),
    deploymentsInUse: BigInt(use.deployments),
    unitsLimit: BigInt(row?.unitsLimit ?? -1),
    unitsInUse: BigInt(use.units),
    ...(row === undefined ? {} : { updatedAt: timestampFromDate(row.updatedAt) }),
  };
}
