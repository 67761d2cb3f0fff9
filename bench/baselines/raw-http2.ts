// node:http2 and protobuf-es with nothing between them: decodes the request, encodes the answer, ends with trailers.
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClusterServiceGetRequestSchema, ClusterServiceGetResponseSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { given, ready } from "../servers/ipc.js";

const response = fromBinary(ClusterServiceGetResponseSchema, Buffer.from(given<{ answer: string }>().answer, "base64"));
const server = createServer();
server.on("stream", (stream) => {
  const chunks: Buffer[] = [];
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    const { uuid } = fromBinary(ClusterServiceGetRequestSchema, body.subarray(5));
    const isKnown = uuid === response.cluster?.uuid;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": isKnown ? "0" : "5" }));
    if (!isKnown) return stream.end();
    const message = toBinary(ClusterServiceGetResponseSchema, response);
    const framed = Buffer.allocUnsafe(5 + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, 5);
    return stream.end(framed);
  });
});
server.listen(0, "127.0.0.1", () => ready((server.address() as AddressInfo).port));
