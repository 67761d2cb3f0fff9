import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { VolumeServiceListResponseSchema } from "../../../../gen/ts/api/v1/volume_pb.js";
import { encodedList } from "../../../../src/resources/api/volume/storage-encoding.js";

const encoded = encodedList(VolumeServiceListResponseSchema);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 120, maxLength: 140 }),
  fc.constant("\ud800"),
);
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }));
const volume = fc.record(
  {
    ...{ uuid: text, name: text, attachedTo: fc.array(text), size: uint64, clusterId: text },
    replicaCount: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    statistics: fc.record({ userWritten: uint64, compressionRatio: fc.double({ min: 0, noNaN: true }) }),
    labels: fc.array(fc.record({ key: text, value: text })),
    // Around the lengths at which the length itself takes a byte more or less.
    rebuildProgress: fc.integer({ min: 0, max: 18_000 }).map((length) => "x".repeat(length)),
  },
  { requiredKeys: [] },
);

it("bytes are those that the library writes", () => {
  const bytesOf = (init: MessageInitShape<typeof VolumeServiceListResponseSchema>) =>
    Buffer.from(toBinary(VolumeServiceListResponseSchema, create(VolumeServiceListResponseSchema, init)));
  fc.assert(
    fc.property(fc.array(volume), (volumes) => {
      const ours = Buffer.from(toBinary(VolumeServiceListResponseSchema, encoded(volumes)));
      expect(ours.equals(bytesOf({ volumes }))).toBe(true);
    }),
  );
});
