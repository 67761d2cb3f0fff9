import type { DescMethod } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PaymentService as AdminPaymentService } from "../../gen/ts/admin/v1/payment_pb.js";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { PaymentService } from "../../gen/ts/api/v1/payment_pb.js";
import { principalStore } from "../../src/resources/iam/principal/store.js";
import { resources } from "../../src/resources.js";
import { policyOf } from "../../src/rpc/method-options.js";
import { startServer, type TestServer } from "../rpc/support/server.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { codeOf } from "./support/refusals.js";
import { sampleOf } from "./support/samples.js";

let platform: TestPlatform;
let stranger: string;
/** The services of `unoffered` without handlers, behind the same interceptors and for the same callers. */
let server: TestServer;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  const { db, clock } = platform.platform;
  await principalStore.ensureUser(db, "stranger", clock());
  stranger = await platform.token({ owner: "stranger", projectRoles: {}, tenantRoles: {}, adminRole: null });
  server = await startServer({
    routes(router) {
      for (const service of unoffered) router.service(service, {});
    },
    authenticate: (token) => platform.open.principals.authenticate(token),
  });
});
afterAll(async () => {
  await server?.close();
  await platform?.close();
});

const waiting = resources.filter(({ register }) => register === undefined).map(({ service }) => service);
/** Those that wait for their handlers; and two more, so that there are some with callers of every kind. */
const unoffered = [...new Set([PaymentService, AdminPaymentService, ...waiting])];
const methods = unoffered.flatMap((service) => service.methods);
const validator = createValidator();

async function call(method: DescMethod, token?: string): Promise<string> {
  const transport = createGrpcTransport({ baseUrl: server.url });
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const message = sampleOf(method.input);
  if (method.methodKind === "unary") {
    return codeOf(transport.unary(method as never, undefined, 5_000, headers, message as never));
  }
  async function* input() {
    yield message as never;
  }
  const opened = transport.stream(method as never, undefined, 5_000, headers, input());
  return codeOf(opened.then(({ message: answers }) => answers[Symbol.asyncIterator]().next()));
}

it("every service of these packages is offered", () => {
  const complete = new Set(["api.v1", "admin.v1", "billing.v1", "deploy.v1", "iam.v1", "infra.v1", "status.v1"]);
  const missing = waiting.filter(({ file }) => complete.has(file.proto.package));
  expect(missing.map(({ typeName }) => typeName)).toEqual([]);
});

it.each(methods.map((method) => [policyOf(method).path, method] as const))(
  "%s answers each caller while it has no handler",
  async (_, method) => {
    const { visibility } = policyOf(method);
    const open = visibility === Visibility.PUBLIC;
    const anybody = open || visibility === Visibility.SELF;
    const closed = visibility === Visibility.PRIVATE;
    expect(validator.validate(method.input, sampleOf(method.input))).toMatchObject({ kind: "valid" });
    expect(await call(method, platform.adminToken)).toBe(closed ? "PermissionDenied" : "Unimplemented");
    expect(await call(method, stranger)).toBe(anybody ? "Unimplemented" : "PermissionDenied");
    expect(await call(method)).toBe(open ? "Unimplemented" : closed ? "PermissionDenied" : "Unauthenticated");
    expect(await call(method, "broken")).toBe(open ? "Unimplemented" : "Unauthenticated");
  },
);
