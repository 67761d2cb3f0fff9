// connect-node as its users run it, without interceptors: one port for HTTP/1.1, one for HTTP/2.
import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ClusterService, ClusterServiceGetResponseSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { given, ready } from "../servers/ipc.js";

const response = fromBinary(ClusterServiceGetResponseSchema, Buffer.from(given<{ answer: string }>().answer, "base64"));
const handler = connectNodeAdapter({
  routes: (router) =>
    router.service(ClusterService, {
      get({ uuid }) {
        if (uuid !== response.cluster?.uuid) throw new ConnectError("there is no such cluster", Code.NotFound);
        return response;
      },
    }),
});
const [http1, http2] = [createHttp1(handler), createHttp2(handler)];
http1.listen(0, "127.0.0.1", () => {
  http2.listen(0, "127.0.0.1", () => {
    const [one, two] = [http1, http2].map((server) => (server.address() as AddressInfo).port);
    ready({ http1: one, http2: two });
  });
});
