import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterSchema, ClusterServiceListResponseSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { encoderOf, envelopeEncoderOf } from "../../src/wire/encoder.js";
import { Sink } from "../../src/wire/sink.js";
import { expectSame, expectSameWithoutHelp } from "./support/compare.js";
import { oddType } from "./support/odd-types.js";

const clusterOf = (name: string, size = 1) =>
  create(ClusterSchema, { name, workers: Array.from({ length: size }, (_, i) => ({ name: `${name}-${i}` })) });

describe("the bytes of a message", () => {
  it("stay what they were when others are encoded", () => {
    const encode = encoderOf(ClusterSchema);
    const encodeEnvelope = envelopeEncoderOf(ClusterSchema);
    const clusters = Array.from({ length: 50 }, (_, i) => clusterOf(`cluster-${i}`, i * 3));
    const bytes = clusters.map((cluster) => encode(cluster));
    const enveloped = clusters.map((cluster) => encodeEnvelope(cluster));
    for (const [i, cluster] of clusters.entries()) {
      const expected = toBinary(ClusterSchema, cluster);
      expect(Buffer.compare(bytes[i] as Uint8Array, expected)).toBe(0);
      expect(Buffer.compare((enveloped[i] as Buffer).subarray(5), expected)).toBe(0);
    }
  });

  it("are in memory of their own", () => {
    for (const size of [0, 1, 100]) {
      const bytes = encoderOf(ClusterSchema)(clusterOf("own", size));
      expect(bytes.buffer.byteLength).toBe(bytes.length);
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    }
  });

  it("are those of the library though a property encodes another message", () => {
    const inner = clusterOf("inner", 200);
    const innerBytes: Uint8Array[] = [];
    const outer = clusterOf("outer", 3);
    Object.defineProperty(outer, "name", {
      enumerable: true,
      get: () => {
        innerBytes.push(encoderOf(ClusterSchema)(inner), envelopeEncoderOf(ClusterSchema)(inner).subarray(5));
        return "computed";
      },
    });
    expectSameWithoutHelp(ClusterSchema, outer);
    expect(innerBytes.length).toBeGreaterThan(0);
    for (const bytes of innerBytes) expect(Buffer.compare(bytes, toBinary(ClusterSchema, inner))).toBe(0);
  });

  it("are those of the library after a message that was refused", () => {
    const refused = { ...clusterOf("refused", 100), createdAt: 5 } as unknown as Message;
    expect(() => encoderOf(ClusterSchema)(refused)).toThrow();
    expectSameWithoutHelp(ClusterSchema, clusterOf("next"));
  });
});

describe("a large message", () => {
  it("of many small ones has the bytes of the library", () => {
    const clusters = Array.from({ length: 100 }, (_, i) => clusterOf(`${"long".repeat(60)}-${i}`, 200));
    const list = create(ClusterServiceListResponseSchema, { clusters });
    expect(toBinary(ClusterServiceListResponseSchema, list).length).toBeGreaterThan(4 * 1024 * 1024);
    expectSameWithoutHelp(ClusterServiceListResponseSchema, list);
  });

  it.each([
    ["of ASCII", "x".repeat(5_000_000)],
    ["of other letters", "€".repeat(2_000_000)],
    ["of half surrogates", "\ud800".repeat(700_000)],
    // Of 16,384 bytes its length takes one byte more, of 2,097,152 another.
    ["of 16,383 bytes", "x".repeat(16_383)],
    ["of 16,384 bytes", "x".repeat(16_384)],
    ["of 2,097,151 bytes", "x".repeat(2_097_151)],
    ["of 2,097,152 bytes", "x".repeat(2_097_152)],
  ])("with a text %s has the bytes of the library", (_, text) => {
    const plain = oddType("odd3.Plain");
    const message = create(plain, { oneString: text, again: create(plain, { oneString: text }) });
    expectSameWithoutHelp(plain, create(plain, { again: message, someString: [text, "after"] }));
  });

  it("with many bytes and numbers has the bytes of the library", () => {
    const plain = oddType("odd3.Plain");
    const numbers = Array.from({ length: 100_000 }, (_, i) => i * 7);
    const long = numbers.map((number) => BigInt(number) << 20n);
    const message = { someUint32: numbers, someFixed64: long, flatSint64: long, oneBytes: new Uint8Array(3_000_000) };
    expectSameWithoutHelp(plain, create(plain, message));
  });

  it("gives back its room", () => {
    const sink = new Sink();
    const usual = sink.buffer.length;
    sink.raw(new Uint8Array(3_000_000));
    expect(sink.buffer.length).toBeGreaterThanOrEqual(3_000_000);
    sink.clear();
    expect(sink.buffer.length).toBe(usual);
  });

  it("that contains itself is refused as by the library", () => {
    const desc = oddType("odd3.Plain");
    const endless = create(desc) as Message & { again?: Message };
    endless.again = endless;
    expectSame(desc, endless);
    expectSameWithoutHelp(desc, create(desc, { oneString: "next" }));
  });
});
