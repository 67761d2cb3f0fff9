// @grpc/grpc-js as its users run it: a change is written to every open stream, and each encodes it for itself.
import { join } from "node:path";
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { packageRoot } from "../../src/root.js";
import { answer, given, ready } from "../servers/ipc.js";

/** As proto-loader makes it with the options of its manual. */
interface Response {
  status: { conditions: { status_message: string }[] };
}
type Stream = ServerWritableStream<unknown, Response>;
type Question = { readonly change: string } | { readonly count: true };

const { message } = given<{ message: string }>();
const folders = ["proto", "third_party"].map((folder) => join(packageRoot(), folder));
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const definition = loadSync("api/v1/cluster.proto", { includeDirs: folders, ...options });
const { WatchStatus } = definition["api.v1.ClusterService"] as unknown as {
  WatchStatus: MethodDefinition<unknown, Response>;
};
let response = WatchStatus.responseDeserialize(Buffer.from(message, "base64"));
const streams = new Set<Stream>();
const server = new Server({ "grpc.max_concurrent_streams": 1_000 });
server.addService({ WatchStatus } as unknown as ServiceDefinition, {
  WatchStatus(stream: Stream) {
    streams.add(stream);
    for (const event of ["cancelled", "close", "error"]) stream.on(event, () => streams.delete(stream));
    stream.write(response);
  },
});
answer(async (question: Question) => {
  if ("count" in question) return streams.size;
  const [first, ...others] = response.status.conditions;
  if (first === undefined) throw new Error("the message has no conditions");
  response = { status: { ...response.status, conditions: [{ ...first, status_message: question.change }, ...others] } };
  for (const stream of streams) stream.write(response);
  return {};
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  ready(port);
});
