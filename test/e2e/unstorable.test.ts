import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { IPService } from "../../gen/ts/api/v1/ip_pb.js";
import { PaymentService } from "../../gen/ts/api/v1/payment_pb.js";
import { resources } from "../../src/resources.js";
import { policyOf } from "../../src/rpc/method-options.js";
import { expectUnharmed } from "../resources/support/raw.js";
import { type Refusal, refusal } from "../resources/support/refusals.js";
import { sampleOf } from "../resources/support/samples.js";
import { startServer } from "../rpc/support/server.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
let transport: ReturnType<typeof createGrpcTransport>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  transport = createGrpcTransport({ baseUrl: platform.url });
});
afterAll(async () => {
  await expectUnharmed(platform);
  await platform.close();
});

const nul = "ab\u0000cd";

type Spoil = (message: ReflectMessage) => void;

/** Every text that a message of the type can hold, by its path, with what puts U+0000 there. */
function* spoilers(desc: DescMessage, depth = 0): Generator<readonly [path: string, spoil: Spoil]> {
  if (desc.typeName.startsWith("google.protobuf.") || depth > 3) return;
  for (const field of desc.fields) {
    if (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING) {
      yield [field.name, (message) => message.set(field, nul)];
    } else if (field.fieldKind === "message") {
      for (const [path, spoil] of spoilers(field.message, depth + 1)) {
        yield [
          `${field.name}.${path}`,
          (message) => {
            // Of several alternatives another one may be set.
            const inner = message.isSet(field) ? message.get(field) : reflect(field.message, sampleOf(field.message));
            spoil(inner);
            message.set(field, inner);
          },
        ];
      }
    } else yield* spoilersOfMany(field, depth);
  }
}

function* spoilersOfMany(field: DescField, depth: number): Generator<readonly [path: string, spoil: Spoil]> {
  if (field.fieldKind === "list" && field.listKind === "message") {
    for (const [path, spoil] of spoilers(field.message, depth + 1)) {
      yield [
        `${field.name}[0].${path}`,
        (message) => {
          const item = reflect(field.message, sampleOf(field.message));
          spoil(item);
          message.get(field).add(item);
        },
      ];
    }
  }
  if (field.fieldKind === "list" && field.listKind === "scalar" && field.scalar === ScalarType.STRING) {
    yield [
      `${field.name}[0]`,
      (message) => {
        message.get(field).clear();
        message.get(field).add(nul);
      },
    ];
  }
  if (field.fieldKind === "map" && field.mapKind === "scalar" && field.scalar === ScalarType.STRING) {
    yield [field.name, (message) => void message.get(field).set("key", nul)];
    yield [field.name, (message) => void message.get(field).set(nul, "value")];
  }
}

function call(method: DescMethod, message: Message, token: string): Promise<Refusal> {
  const headers = { authorization: `Bearer ${token}` };
  if (method.methodKind === "unary") {
    return refusal(transport.unary(method as never, undefined, 10_000, headers, message as never));
  }
  async function* input() {
    yield message as never;
  }
  const opened = transport.stream(method as never, undefined, 10_000, headers, input());
  return refusal(opened.then(({ message: answers }) => answers[Symbol.asyncIterator]().next()));
}

const methods = resources
  .flatMap(({ service }) => service.methods)
  .filter((method) => policyOf(method).visibility !== Visibility.PRIVATE)
  .map((method) => [policyOf(method).path, method, [...spoilers(method.input)]] as const)
  .filter(([, , texts]) => texts.length > 0);

describe("U+0000 in any text of any request", () => {
  it("is tried with what is offered and what is not yet", () => {
    const paths = methods.map(([path]) => path);
    for (const path of ["/api.v1.ClusterService/WatchStatus", "/api.v1.IPService/Allocate"])
      expect(paths).toContain(path);
    expect(methods.flatMap(([, , texts]) => texts).length).toBeGreaterThan(200);
  });

  it.each(methods)("%s", async (_, method, texts) => {
    for (const [path, spoil] of texts) {
      const message = reflect(method.input, sampleOf(method.input));
      spoil(message);
      const refused = await call(method, message.message, platform.adminToken);
      expect([path, refused]).toEqual([
        path,
        expect.objectContaining({ code: "InvalidArgument", fields: expect.arrayContaining([path]) }),
      ]);
    }
  });

  it("is the caller's mistake in a service that is not offered yet, too", async () => {
    const server = await startServer({
      routes: (router) => router.service(PaymentService, {}),
      authenticate: (token) => platform.open.principals.authenticate(token),
    });
    const payment = platform.client(PaymentService, createGrpcTransport({ baseUrl: server.url }));
    const owner = as(platform.tokens.owner);
    const asked = { login: platform.tenant, customer: { name: "Someone" } };
    expect(await refusal(payment.requestAdmission(asked, owner))).toMatchObject({ code: "Unimplemented" });
    expect(await refusal(payment.requestAdmission({ ...asked, customer: { name: nul } }, owner))).toMatchObject({
      code: "InvalidArgument",
      fields: ["customer.name"],
    });
    await server.close();
  });

  it("is told of 20 fields at most", async () => {
    const [, allocate] = methods.find(([path]) => path === "/api.v1.IPService/Allocate") ?? [];
    expect(allocate).toBeDefined();
    const tags = Array.from({ length: 50 }, () => nul);
    const request = create(IPService.method.allocate.input, { project: platform.project, name: "address", tags });
    const { code, fields } = await refusal(platform.client(IPService).allocate(request, as(platform.tokens.editor)));
    expect(code).toBe("InvalidArgument");
    expect(fields).toEqual(Array.from({ length: 20 }, (_, i) => `tags[${i}]`));
  });
});
