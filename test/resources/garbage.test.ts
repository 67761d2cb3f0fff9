import type { DescMethod, Message } from "@bufbuild/protobuf";
import { createGrpcTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resources } from "../../src/resources.js";
import { policyOf } from "../../src/rpc/method-options.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { clustersOf } from "./support/clusters.js";
import { messagesOf } from "./support/generators.js";
import { expectUnharmed, postTo } from "./support/raw.js";
import { codeOf } from "./support/refusals.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(async () => {
  await expectUnharmed(platform);
  await platform.close();
});

describe("garbage", () => {
  const served = resources
    .filter(({ register }) => register !== undefined)
    .flatMap(({ service }) => service.methods)
    .filter(({ methodKind }) => methodKind === "unary");
  // A token of the tests must not end, and everything else may happen.
  const paths = served.map((method) => policyOf(method).path);
  const bad = ["internal", "unknown", "unavailable", "aborted", "data_loss", "deadline_exceeded"];

  it("of bytes never does more than to be refused", async () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), bytes, fc.boolean(), async (path, body, asAdmin) => {
        const token = asAdmin ? platform.adminToken : platform.tokens.owner;
        const { status, code } = await postTo(platform, path, "application/proto", body, token);
        expect(bad).not.toContain(code);
        expect(status).not.toBe(500);
      }),
      { numRuns: 150 },
    );
  });

  it("of JSON neither", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.json({ stringUnit: "binary" }), async (path, body) => {
        const { status, code } = await postTo(platform, path, "application/json", body, platform.tokens.owner);
        expect(bad).not.toContain(code);
        expect(status).not.toBe(500);
      }),
      { numRuns: 100 },
    );
  });

  it("in the shape of requests neither", async () => {
    const transport = createGrpcTransport({ baseUrl: platform.url });
    const known = [platform.project, platform.tenant, (await clustersOf(platform).create()).uuid];
    const call = fc
      .constantFrom(...served)
      .chain((method) => fc.tuple(fc.constant(method), messagesOf(method.input, known)));
    const codes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(call, fc.boolean(), async ([method, message], asAdmin) => {
        const headers = { authorization: `Bearer ${asAdmin ? platform.adminToken : platform.tokens.owner}` };
        const code = await codeOf(unary(transport, method, headers, message));
        codes.set(code, (codes.get(code) ?? 0) + 1);
        expect(["Internal", "Unknown", "Unavailable", "DataLoss", "DeadlineExceeded"]).not.toContain(code);
      }),
      { numRuns: 400 },
    );
    // Enough of it came past the checks to reach the handlers.
    expect(codes.get("OK") ?? 0).toBeGreaterThan(10);
    expect(codes.get("InvalidArgument") ?? 0).toBeGreaterThan(10);
  });

  function unary(
    transport: ReturnType<typeof createGrpcTransport>,
    method: DescMethod,
    headers: Record<string, string>,
    message: Message,
  ) {
    return transport.unary(method as never, undefined, 10_000, headers, message as never);
  }
});
