import { create, toBinary } from "@bufbuild/protobuf";
import {
  ClusterServiceListRequestSchema,
  ClusterServiceWatchStatusRequestSchema,
} from "../../../gen/ts/api/v1/cluster_pb.js";
import { project } from "../../rpc/support/callers.js";
import { endHeaders, endStream, frame, grpcMessage, hpack } from "./http2-frames.js";

/** The header block of a gRPC call of ClusterService by the owner of a project. */
export function headersOf(method: string, more: readonly (readonly [string, string])[] = []): Buffer<ArrayBuffer> {
  return hpack([
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "localhost"],
    [":path", `/api.v1.ClusterService/${method}`],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["authorization", "Bearer owner"],
    ...more,
  ]);
}

const watchHeaders = headersOf("WatchStatus");
const watchMessage = grpcMessage(
  toBinary(ClusterServiceWatchStatusRequestSchema, create(ClusterServiceWatchStatusRequestSchema, { project })),
);
const listHeaders = headersOf("List");
const listMessage = grpcMessage(
  toBinary(ClusterServiceListRequestSchema, create(ClusterServiceListRequestSchema, { project })),
);

/** A whole call that watches a project, without an end. */
export const watchCall = (stream: number): Buffer<ArrayBuffer> =>
  Buffer.concat([frame("headers", endHeaders, stream, watchHeaders), frame("data", endStream, stream, watchMessage)]);

/** A whole call whose answer has some 30 kB. */
export const listCall = (stream: number): Buffer<ArrayBuffer> =>
  Buffer.concat([frame("headers", endHeaders, stream, listHeaders), frame("data", endStream, stream, listMessage)]);
