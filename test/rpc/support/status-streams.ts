import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ClusterService,
  ClusterServiceWatchStatusRequestSchema,
  type ClusterServiceWatchStatusResponse,
  ClusterServiceWatchStatusResponseSchema,
} from "../../../gen/ts/api/v1/cluster_pb.js";
import { as, project } from "./callers.js";

/** A bare stream of WatchStatus, so that a test sees the bytes and decides when they are read. */
export function watch(session: ClientHttp2Session, headers: Record<string, string> = {}): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": `/${ClusterService.typeName}/WatchStatus`,
    "content-type": "application/grpc",
    te: "trailers",
    ...as("viewer").headers,
    ...headers,
  });
  stream.on("error", () => {});
  const message = toBinary(
    ClusterServiceWatchStatusRequestSchema,
    create(ClusterServiceWatchStatusRequestSchema, { project }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
  return stream;
}

/** Keeps everything that comes. */
export function reading(stream: ClientHttp2Stream) {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const bytes = () => Buffer.concat(chunks);
  return { bytes, messages: () => messagesIn(bytes()) };
}

function messagesIn(bytes: Buffer): ClusterServiceWatchStatusResponse[] {
  const messages = [];
  for (let at = 0; bytes.length - at >= 5; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push(fromBinary(ClusterServiceWatchStatusResponseSchema, bytes.subarray(at + 5, end)));
    at = end;
  }
  return messages;
}
