import { ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { type Sink, unusual } from "./encode-sink.js";

/** How values of a scalar type are encoded. */
export interface Scalar {
  readonly wireType: WireType;
  /** Whether fields without presence leave the value out. */
  isZero(value: unknown): boolean;
  /** Throws `unusual` at a value that the type cannot hold. */
  write(sink: Sink, value: unknown): void;
}

const isNumberZero = (value: unknown): boolean => value === 0;
const isFloatZero = (value: unknown): boolean => Object.is(value, 0);

const text: Scalar = {
  wireType: WireType.LengthDelimited,
  isZero: (value) => value === "",
  write(sink, value) {
    if (typeof value !== "string") throw unusual;
    sink.text(value);
  },
};

const bool: Scalar = {
  wireType: WireType.Varint,
  isZero: (value) => value === false,
  write(sink, value) {
    if (typeof value !== "boolean") throw unusual;
    sink.number(value ? 1 : 0);
  },
};

const bytes: Scalar = {
  wireType: WireType.LengthDelimited,
  isZero: (value) => value instanceof Uint8Array && value.byteLength === 0,
  write(sink, value) {
    if (!(value instanceof Uint8Array)) throw unusual;
    sink.raw(value);
  },
};

const double: Scalar = {
  wireType: WireType.Bit64,
  isZero: isFloatZero,
  write(sink, value) {
    if (typeof value !== "number") throw unusual;
    sink.double(value);
  },
};

function varint32(least: number, most: number): Scalar {
  return {
    wireType: WireType.Varint,
    isZero: isNumberZero,
    write(sink, value) {
      if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) throw unusual;
      // A negative number takes all ten bytes.
      if ((value as number) < 0) sink.big(BigInt.asUintN(64, BigInt(value as number)));
      else sink.number(value as number);
    },
  };
}

function varint64(least: bigint, most: bigint): Scalar {
  return {
    wireType: WireType.Varint,
    isZero: (value) => value === 0n,
    write(sink, value) {
      if (typeof value !== "bigint" || value < least || value > most) throw unusual;
      sink.big(value < 0n ? BigInt.asUintN(64, value) : value);
    },
  };
}

/** How an enum is encoded, and int32. */
export const int32: Scalar = varint32(-0x80000000, 0x7fffffff);

/** The types that are encoded here; what has another is left to the library. */
export const scalars: ReadonlyMap<ScalarType, Scalar> = new Map([
  [ScalarType.STRING, text],
  [ScalarType.BOOL, bool],
  [ScalarType.BYTES, bytes],
  [ScalarType.DOUBLE, double],
  [ScalarType.INT32, int32],
  [ScalarType.UINT32, varint32(0, 0xffffffff)],
  [ScalarType.INT64, varint64(-(2n ** 63n), 2n ** 63n - 1n)],
  [ScalarType.UINT64, varint64(0n, 2n ** 64n - 1n)],
]);
