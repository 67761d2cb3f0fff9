import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { AddressPoolSchema } from "../../../../gen/ts/infra/v1/address_pool_pb.js";
import { parseRange } from "./ranges.js";
import type { AddressPoolView } from "./store.js";

const most = 2n ** 63n - 1n;

/** A pool as operators see it. */
export function addressPoolMessage(row: AddressPoolView): MessageInitShape<typeof AddressPoolSchema> {
  const size = row.cidrs.reduce((sum, cidr) => sum + parseRange(cidr).size, 0n);
  return {
    uuid: row.id,
    name: row.name,
    partition: row.partition ?? "",
    network: row.network,
    cidrs: [...row.cidrs],
    description: row.description,
    enabled: row.enabled,
    configured: row.configured,
    size: size < most ? size : most,
    allocated: BigInt(row.allocated),
    quarantined: BigInt(row.quarantined),
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}
