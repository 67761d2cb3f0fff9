// @grpc/grpc-js with nothing around it. Its messages are those of @grpc/proto-loader with the options of its manual, or,
// where that is asked for, of protobuf-es.
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import {
  type ClusterServiceGetRequest,
  ClusterServiceGetRequestSchema,
  type ClusterServiceGetResponse,
  ClusterServiceGetResponseSchema,
} from "../../gen/ts/api/v1/cluster_pb.js";
import { packageRoot } from "../../src/root.js";
import { given, ready } from "../servers/ipc.js";

type Get = MethodDefinition<ClusterServiceGetRequest, ClusterServiceGetResponse>;

const { answer, messages } = given<{ answer: string; messages: "proto-loader" | "protobuf-es" }>();

function loaded(): Get {
  const folders = ["proto", "third_party"].map((folder) => join(packageRoot(), folder));
  const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
  const definition = loadSync("api/v1/cluster.proto", { includeDirs: folders, ...options });
  return (definition["api.v1.ClusterService"] as unknown as { Get: Get }).Get;
}

const ofProtobufEs: Get = {
  path: "/api.v1.ClusterService/Get",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(toBinary(ClusterServiceGetRequestSchema, message)),
  requestDeserialize: (bytes) => fromBinary(ClusterServiceGetRequestSchema, bytes),
  responseSerialize(message) {
    const { buffer, byteOffset, length } = toBinary(ClusterServiceGetResponseSchema, message);
    return Buffer.from(buffer, byteOffset, length);
  },
  responseDeserialize: (bytes) => fromBinary(ClusterServiceGetResponseSchema, bytes),
};

const get = messages === "protobuf-es" ? ofProtobufEs : loaded();
const response = get.responseDeserialize(Buffer.from(answer, "base64"));
const server = new Server();
server.addService({ Get: get } as unknown as ServiceDefinition, {
  Get(call: { request: ClusterServiceGetRequest }, done: sendUnaryData<ClusterServiceGetResponse>) {
    if (call.request.uuid === response.cluster?.uuid) done(null, response);
    else done({ code: status.NOT_FOUND });
  },
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  ready(port);
});
