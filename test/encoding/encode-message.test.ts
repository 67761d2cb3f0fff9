import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { WireType } from "@bufbuild/protobuf/wire";
import { isWrapperDesc, StringValueSchema, StructSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusterSchema, ClusterServiceGetResponseSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { services } from "../../src/app.js";
import { encoderOf } from "../../src/encode-message.js";

/** All messages that calls carry, by name. */
function messages(): DescMessage[] {
  const found = new Map<string, DescMessage>();
  for (const { methods } of services) {
    for (const { input, output } of methods) for (const desc of [input, output]) found.set(desc.typeName, desc);
  }
  return [...found.values()];
}

const scalarValues: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  [ScalarType.STRING]: fc.oneof(
    fc.string({ maxLength: 20, unit: "binary" }),
    fc.string({ minLength: 60, maxLength: 70 }),
    fc.string({ minLength: 60, maxLength: 200, unit: "grapheme" }),
    fc.constantFrom("", "a\ud800b", "\udc00"),
  ),
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.BYTES]: fc.uint8Array({ maxLength: 300 }),
  [ScalarType.DOUBLE]: fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN)),
  [ScalarType.FLOAT]: fc.float(),
  [ScalarType.INT32]: fc.oneof(fc.integer(), fc.constantFrom(0, -1, 0x7fffffff, -0x80000000)),
  [ScalarType.UINT32]: fc.oneof(fc.nat(), fc.constantFrom(0, 127, 128, 0xffffffff)),
  [ScalarType.INT64]: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(0n, -1n, 2n ** 53n)),
  [ScalarType.UINT64]: fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 31n)),
};

type Draw = <T>(values: fc.Arbitrary<T>) => T;

const enumValue = (desc: DescEnum, draw: Draw) =>
  draw(fc.constantFrom(...desc.values.map(({ number }) => number), 77, -3));

function single(field: DescField, draw: Draw, depth: number): unknown {
  if (field.message !== undefined) return random(field.message, draw, depth + 1);
  if (field.enum !== undefined) return enumValue(field.enum, draw);
  const values = field.scalar === undefined ? undefined : scalarValues[field.scalar];
  if (values === undefined) throw new Error(`no values for ${field}`);
  return draw(values);
}

/** A message with some of its fields; what its fields may hold is the library's to say. */
function random(desc: DescMessage, draw: Draw, depth = 0): Message {
  const message = create(desc);
  // Their fields are kept in other forms, which `create` makes.
  if (desc.typeName.startsWith("google.protobuf.") && desc.typeName !== "google.protobuf.Timestamp") return message;
  const to = reflect(desc, message);
  for (const field of desc.fields) {
    if (field.message !== undefined && (depth > 3 || isWrapperDesc(field.message))) continue;
    if (!draw(fc.boolean())) continue;
    const count = draw(fc.nat(3));
    if (field.fieldKind === "list") {
      const list = Array.from({ length: count }, () => single(field, draw, depth));
      (message as unknown as Record<string, unknown>)[field.localName] = list;
    } else if (field.fieldKind === "map") {
      const keys = Array.from({ length: count }, () => draw(fc.string({ maxLength: 5 })));
      const map = Object.fromEntries(keys.map((key) => [key, single(field, draw, depth)]));
      (message as unknown as Record<string, unknown>)[field.localName] = map;
    } else if (field.oneof !== undefined) {
      const chosen = { case: field.localName, value: single(field, draw, depth) };
      (message as unknown as Record<string, unknown>)[field.oneof.localName] = chosen;
    } else {
      (message as unknown as Record<string, unknown>)[field.localName] = single(field, draw, depth);
    }
  }
  if (draw(fc.boolean())) to.setUnknown([{ no: 3_000, wireType: WireType.Varint, data: Uint8Array.of(5) }]);
  return message;
}

describe("every message that calls carry", () => {
  test.each(messages().map((desc) => [desc.typeName, desc] as const))("%s has the library's bytes", (_, desc) => {
    const encode = encoderOf(desc);
    fc.assert(
      fc.property(fc.gen(), (draw) => {
        const message = random(desc, (values) => draw(() => values));
        expect(Buffer.from(encode(message)).toString("hex")).toBe(Buffer.from(toBinary(desc, message)).toString("hex"));
      }),
      { numRuns: 25 },
    );
  });
});

describe("what the encoder does not know", () => {
  test("wrappers and free JSON have the library's bytes, wherever they are", () => {
    expect(encoderOf(StringValueSchema)(create(StringValueSchema, { value: "é" }))).toEqual(
      toBinary(StringValueSchema, create(StringValueSchema, { value: "é" })),
    );
    const json = create(StructSchema, { fields: { a: { kind: { case: "numberValue", value: 2 } } } });
    expect(encoderOf(StructSchema)(json)).toEqual(toBinary(StructSchema, json));
  });

  test("what cannot be encoded is refused with the library's words, and the next message is as it should be", () => {
    const encode = encoderOf(ClusterServiceGetResponseSchema);
    const good = create(ClusterServiceGetResponseSchema, { cluster: { uuid: "u", workers: [{ minsize: 3 }] } });
    const bad = create(ClusterServiceGetResponseSchema, { cluster: { uuid: "u", workers: [{ minsize: -1 }] } });
    const words = (work: () => unknown): string => {
      try {
        return `answered ${work()}`;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(words(() => encode(bad))).toBe(words(() => toBinary(ClusterServiceGetResponseSchema, bad)));
    expect(words(() => encode(bad))).toContain("minsize");
    expect(encode(good)).toEqual(toBinary(ClusterServiceGetResponseSchema, good));
    const foreign = { cluster: create(TimestampSchema) } as never;
    const message = { ...good, ...(foreign as object) };
    expect(words(() => encode(message))).toBe(words(() => toBinary(ClusterServiceGetResponseSchema, message)));
  });

  test("a message larger than the buffer that is kept is whole, and so is the one after it", () => {
    const encode = encoderOf(ClusterSchema);
    const large = create(ClusterSchema, { uuid: "x".repeat(5_000_000), name: "é".repeat(100_000) });
    const small = create(ClusterSchema, { uuid: "y" });
    for (const message of [large, small, large]) {
      expect(Buffer.compare(encode(message), toBinary(ClusterSchema, message))).toBe(0);
    }
  });
});
