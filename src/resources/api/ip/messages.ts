import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type IPSchema, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import type { IpRow } from "./store.js";

export const ipTypes = { ephemeral: IPType.IP_TYPE_EPHEMERAL, static: IPType.IP_TYPE_STATIC } as const;

/** An address as the API shows it; with `deletedAt` one that was just released. */
export function ipMessage(row: IpRow, deletedAt?: Date): MessageInitShape<typeof IPSchema> {
  return {
    uuid: row.id,
    ip: row.address,
    name: row.name,
    description: row.description,
    network: row.network,
    project: row.project,
    type: ipTypes[row.type],
    tags: [...row.tags],
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
    ...(deletedAt === undefined ? {} : { deletedAt: timestampFromDate(deletedAt) }),
  };
}
