import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { resources } from "../../../../src/resources.js";
import { policyOf } from "../../../../src/rpc/method-options.js";
import { redactedJson } from "../../../../src/rpc/redact.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";

const methods = resources.flatMap(({ service }) => service.methods);
const secret = "hush-hush";
const open = "for-all-to-see";

/** A message in which every text says whether it is a secret, at any depth. */
function filled(desc: DescMessage, hidden = false, depth = 0): Message {
  const message = create(desc) as Message & Record<string, unknown>;
  if (depth > 5) return message;
  for (const field of desc.fields) {
    const value = fieldOf(field, hidden || field.proto.options?.debugRedact === true, depth);
    if (field.oneof === undefined) message[field.localName] = value;
    else message[field.oneof.localName] = { case: field.localName, value };
  }
  return message;
}

function fieldOf(field: DescField, hidden: boolean, depth: number): unknown {
  const one = (type: ScalarType | undefined, message: DescMessage | undefined): unknown => {
    if (message?.typeName.startsWith("google.protobuf.")) return create(message);
    return message === undefined ? scalarOf(type, hidden) : filled(message, hidden, depth + 1);
  };
  switch (field.fieldKind) {
    case "list":
      return [one(field.scalar, field.message)];
    case "map":
      return { [hidden ? secret : open]: one(field.scalar, field.message) };
    default:
      return one(field.scalar, field.message);
  }
}

function scalarOf(type: ScalarType | undefined, hidden: boolean): unknown {
  const text = hidden ? secret : open;
  if (type === ScalarType.STRING) return text;
  if (type === ScalarType.BYTES) return new TextEncoder().encode(text);
  if (type === ScalarType.BOOL) return true;
  const wide = [ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64];
  return type !== undefined && wide.includes(type) ? 1n : 1;
}

/** The secret, and how bytes of it would look. */
const leaks = (text: string): boolean =>
  text.includes(secret) || text.includes(Buffer.from(secret).toString("base64")) || text.includes(`<${secret.length} `);

describe("secrets", () => {
  const messages = [...new Set(methods.flatMap(({ input, output }) => [input, output]))];

  it.each(messages.map((desc) => [desc.typeName, desc] as const))("are left out of records of %s", (_, desc) => {
    expect(leaks(JSON.stringify(redactedJson(desc, filled(desc), { maxChars: 1_000_000 })))).toBe(false);
  });

  it("are in some of them", () => {
    const holds = messages.filter((desc) => {
      const text = JSON.stringify(filled(desc), (__, value) => (typeof value === "bigint" ? Number(value) : value));
      return text.includes(secret);
    });
    expect(holds.map(({ typeName }) => typeName)).toEqual(
      expect.arrayContaining([
        "api.v1.TokenServiceCreateResponse",
        "api.v1.ClusterServiceGetCredentialsResponse",
        "iam.v1.AuthServiceSetPasswordRequest",
      ]),
    );
  });
});

describe("what is stored of requests", () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await startPlatform({ background: false });
  });
  afterAll(() => platform.close());

  it("has no secrets, for any method and whoever calls", { timeout: 60_000 }, async () => {
    const transport = createGrpcTransport({ baseUrl: platform.url });
    const audited = methods.filter((method) => policyOf(method).audited && method.methodKind === "unary");
    for (const token of ["", `Bearer ${platform.adminToken}`]) {
      const headers: Record<string, string> = token === "" ? {} : { authorization: token };
      for (const method of audited) {
        const request = filled(method.input);
        await codeOf(transport.unary(method as never, undefined, 10_000, headers, request as never));
      }
    }
    const rows = () => platform.platform.db.select().from(auditEntries);
    const paths = audited.map((method) => policyOf(method).path).sort();
    await expect
      .poll(async () => [...new Set((await rows()).map(({ method }) => method))].sort(), { timeout: 20_000 })
      .toEqual(paths);
    const all = await rows();
    expect(all.filter((row) => leaks(JSON.stringify(row))).map(({ method }) => method)).toEqual([]);
    expect(all.filter(({ body }) => body?.includes(open)).length).toBeGreaterThan(audited.length / 2);
    expect(platform.lines.filter((line) => leaks(JSON.stringify(line)))).toEqual([]);
  });
});
