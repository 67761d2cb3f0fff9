// connect-node with nothing around it: answers ClusterService.Get with the message that it is started with.
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ClusterService, ClusterServiceGetResponseSchema } from "../gen/ts/api/v1/cluster_pb.js";

const answer = fromBinary(ClusterServiceGetResponseSchema, Buffer.from(process.argv[2] ?? "", "base64"));
const server = createServer(
  connectNodeAdapter({ routes: (router) => router.service(ClusterService, { get: () => answer }) }),
);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit(0));
