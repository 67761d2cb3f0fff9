import { ScalarType } from "@bufbuild/protobuf";
import { FLOAT32_MAX, FLOAT32_MIN, WireType } from "@bufbuild/protobuf/wire";
import type { Field, Write } from "./field.js";
import type { Sink } from "./sink.js";
import { unusual } from "./unusual.js";

// One number and its parts.
const big = new BigInt64Array(1);
const halves = new Int32Array(big.buffer);
const bytes = new Uint8Array(big.buffer);
const view = new DataView(big.buffer);
const low = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const high = 1 - low;

/** Writes the tag of a field, if it has one. */
export function writeTag(sink: Sink, tag: number): void {
  if (tag > 127) {
    sink.varint(tag);
  } else if (tag > 0) {
    sink.room(1);
    sink.buffer[sink.at++] = tag;
  }
}

function writeString(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "string") throw unusual;
  if (value.length === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.text(value);
}

function writeBytes(sink: Sink, field: Field, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw unusual;
  if (value.length === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.varint(value.length);
  sink.raw(value);
}

function writeBool(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "boolean") throw unusual;
  if (!value && field.implicit) return;
  writeTag(sink, field.tag);
  sink.varint(value ? 1 : 0);
}

function writeInt32(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number" || (value | 0) !== value) throw unusual;
  // Of an enum the zero is its first value, whatever its number.
  if (value === field.zero && field.implicit) return;
  writeTag(sink, field.tag);
  if (value < 0) sink.varint64(value, -1);
  else sink.varint(value);
}

function writeUint32(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number" || value >>> 0 !== value) throw unusual;
  if (value === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.varint(value);
}

function writeSint32(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number" || (value | 0) !== value) throw unusual;
  if (value === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.varint(((value << 1) ^ (value >> 31)) >>> 0);
}

function writeFixed32(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number" || value >>> 0 !== value) throw unusual;
  if (value === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.fixed32(value);
}

function writeSfixed32(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number" || (value | 0) !== value) throw unusual;
  if (value === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.fixed32(value);
}

function writeFloat(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number") throw unusual;
  if (Number.isFinite(value) && (value > FLOAT32_MAX || value < FLOAT32_MIN)) throw unusual;
  if (Object.is(value, 0) && field.implicit) return;
  writeTag(sink, field.tag);
  view.setFloat32(0, value, true);
  sink.fixed32(view.getInt32(0, true));
}

function writeDouble(sink: Sink, field: Field, value: unknown): void {
  if (typeof value !== "number") throw unusual;
  if (Object.is(value, 0) && field.implicit) return;
  writeTag(sink, field.tag);
  view.setFloat64(0, value, true);
  sink.raw(bytes);
}

/** A number of 64 bits in whichever form; BigInt throws at what is none. */
function bigOf(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "string" || typeof value === "number") return BigInt(value);
  throw unusual;
}

/** Puts a number's parts into `halves`. */
function splitSigned(value: unknown): void {
  const number = bigOf(value);
  if (BigInt.asIntN(64, number) !== number) throw unusual;
  big[0] = number;
}

function splitUnsigned(value: unknown): void {
  const number = bigOf(value);
  if (BigInt.asUintN(64, number) !== number) throw unusual;
  big[0] = number;
}

type WriteHalves = (sink: Sink, lower: number, upper: number) => void;

function write64(split: (value: unknown) => void, writeHalves: WriteHalves): Write {
  return (sink, field, value) => {
    split(value);
    const lower = halves[low] as number;
    const upper = halves[high] as number;
    if (lower === 0 && upper === 0 && field.implicit) return;
    writeTag(sink, field.tag);
    writeHalves(sink, lower, upper);
  };
}

/** Written out, for every timestamp has one. */
function writeInt64(sink: Sink, field: Field, value: unknown): void {
  splitSigned(value);
  const lower = halves[low] as number;
  const upper = halves[high] as number;
  if (lower === 0 && upper === 0 && field.implicit) return;
  writeTag(sink, field.tag);
  sink.varint64(lower, upper);
}

const varint: WriteHalves = (sink, lower, upper) => sink.varint64(lower, upper);

const fixed: WriteHalves = (sink, lower, upper) => {
  sink.fixed32(lower);
  sink.fixed32(upper);
};

const zigzag: WriteHalves = (sink, lower, upper) => {
  const sign = upper >> 31;
  sink.varint64((lower << 1) ^ sign, ((upper << 1) | (lower >>> 31)) ^ sign);
};

/** How the values of a scalar type are written. */
export interface Scalar {
  readonly write: Write;
  readonly wireType: WireType;
}

/** Every scalar type there is. Enums are written as int32. */
export const scalars: ReadonlyMap<ScalarType, Scalar> = new Map([
  [ScalarType.STRING, { write: writeString, wireType: WireType.LengthDelimited }],
  [ScalarType.BYTES, { write: writeBytes, wireType: WireType.LengthDelimited }],
  [ScalarType.BOOL, { write: writeBool, wireType: WireType.Varint }],
  [ScalarType.INT32, { write: writeInt32, wireType: WireType.Varint }],
  [ScalarType.UINT32, { write: writeUint32, wireType: WireType.Varint }],
  [ScalarType.SINT32, { write: writeSint32, wireType: WireType.Varint }],
  [ScalarType.FIXED32, { write: writeFixed32, wireType: WireType.Bit32 }],
  [ScalarType.SFIXED32, { write: writeSfixed32, wireType: WireType.Bit32 }],
  [ScalarType.FLOAT, { write: writeFloat, wireType: WireType.Bit32 }],
  [ScalarType.DOUBLE, { write: writeDouble, wireType: WireType.Bit64 }],
  [ScalarType.INT64, { write: writeInt64, wireType: WireType.Varint }],
  [ScalarType.UINT64, { write: write64(splitUnsigned, varint), wireType: WireType.Varint }],
  [ScalarType.SINT64, { write: write64(splitSigned, zigzag), wireType: WireType.Varint }],
  [ScalarType.FIXED64, { write: write64(splitUnsigned, fixed), wireType: WireType.Bit64 }],
  [ScalarType.SFIXED64, { write: write64(splitSigned, fixed), wireType: WireType.Bit64 }],
]);
