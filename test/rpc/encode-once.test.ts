import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ClusterService,
  type ClusterServiceWatchStatusResponse,
  ClusterServiceWatchStatusResponseSchema,
} from "../../gen/ts/api/v1/cluster_pb.js";
import { as, project } from "./support/callers.js";
import { startServer, type TestServer } from "./support/server.js";
import { dialects } from "./support/transports.js";

const shown = { uuid: "a", progress: 42, state: "Processing", lastErrors: [{ description: "späte Antwort" }] };

let server: TestServer;
let shared: ClusterServiceWatchStatusResponse;
let reads: number;

beforeEach(async () => {
  reads = 0;
  shared = create(ClusterServiceWatchStatusResponseSchema, { status: shown });
  const { status } = shared;
  Object.defineProperty(shared, "status", {
    enumerable: true,
    get() {
      reads += 1;
      return status;
    },
  });
  server = await startServer({
    routes: (router) =>
      router.service(ClusterService, {
        async *watchStatus() {
          yield shared;
          yield {};
          yield shared;
        },
      }),
  });
});
afterEach(() => server.close());

describe("one message for many streams", () => {
  it.each(dialects)("reaches every reader whole and in order, $name", async ({ connect }) => {
    const client = createClient(ClusterService, connect(server.url));
    const read = async () => {
      const seen = [];
      for await (const { status } of client.watchStatus({ project }, as("viewer"))) seen.push(status);
      return seen;
    };
    for (const seen of await Promise.all([read(), read(), read()])) {
      expect(seen).toMatchObject([shown, undefined, shown]);
    }
  });

  it("is encoded once", async () => {
    const grpc = dialects.find(({ name }) => name === "gRPC over h2c, binary")!;
    const client = createClient(ClusterService, grpc.connect(server.url));
    const drain = async () => {
      for await (const _ of client.watchStatus({ project }, as("viewer")));
    };
    await drain();
    const once = reads;
    expect(once).toBeGreaterThan(0);
    await Promise.all([drain(), drain(), drain()]);
    expect(reads).toBe(once);
  });

  it.each([
    "application/connect+json",
    "application/connect+json; charset=utf-8",
    "application/connect+json;charset=UTF-8",
    "application/connect+JSON",
    "Application/Connect+Json; Charset=utf-8",
  ])("is whole in JSON, too, when that is spelled %s", async (type) => {
    const request = Buffer.from(JSON.stringify({ project }));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(request.length, 1);
    const response = await fetch(`${server.url}/api.v1.ClusterService/WatchStatus`, {
      method: "POST",
      headers: { ...as("viewer").headers, "content-type": type },
      body: Buffer.concat([head, request]),
    });
    expect(response.status).toBe(200);
    const messages = envelopesOf(Buffer.from(await response.arrayBuffer()));
    expect(messages).toMatchObject([{ status: shown }, {}, { status: shown }, {}]);
    expect(messages[1]).toEqual({});
  });
});

/** The messages of a stream of the Connect protocol, and what ends it. */
function envelopesOf(bytes: Buffer): unknown[] {
  const messages: unknown[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(JSON.parse(bytes.subarray(at + 5, end).toString()));
    at = end;
  }
  return messages;
}
