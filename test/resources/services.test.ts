import type { DescMethod } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { principalStore } from "../../src/resources/iam/principal/store.js";
import { resources } from "../../src/resources.js";
import { policyOf } from "../../src/rpc/method-options.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { codeOf } from "./support/refusals.js";
import { sampleOf } from "./support/samples.js";

let platform: TestPlatform;
let stranger: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  const { db, clock } = platform.platform;
  await principalStore.ensureUser(db, "stranger", clock());
  stranger = await platform.token({ owner: "stranger", projectRoles: {}, tenantRoles: {}, adminRole: null });
});
afterAll(() => platform.close());

const waiting = resources.filter(({ register }) => register === undefined);
const methods = waiting.flatMap(({ service }) => service.methods);
const validator = createValidator();

async function call(method: DescMethod, token?: string): Promise<string> {
  const transport = createGrpcTransport({ baseUrl: platform.url });
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

it("these services are not offered yet, and all others are", () => {
  const names = waiting.map(({ service }) => service.typeName);
  expect(names).toEqual(["api.v1.PaymentService", "admin.v1.PaymentService"]);
});

it.each(methods.map((method) => [policyOf(method).path, method] as const))(
  "%s answers each caller",
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
