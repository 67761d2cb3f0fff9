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
});
