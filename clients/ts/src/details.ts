import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { ConnectError } from "@connectrpc/connect";

// Three small messages are read by hand: no package for browsers has them, and their descriptors would weigh more.

/** The binary forms of the details of an error that have a type. */
export function detailsOf(error: ConnectError, typeName: string): Uint8Array[] {
  return error.details.flatMap((detail) => ("type" in detail && detail.type === typeName ? [detail.value] : []));
}

/** The values of a message's fields by their numbers, as they came; undefined when it cannot be read. */
export function fieldsOf(bytes: Uint8Array): Map<number, FieldValue[]> | undefined {
  const fields = new Map<number, FieldValue[]>();
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (wireType === varint) put(fields, number, Number(reader.int64()));
      else if (wireType === lengthDelimited) put(fields, number, reader.bytes());
      else reader.skip(wireType, number);
    }
    return fields;
  } catch {
    return undefined;
  }
}

/** A number, or the bytes of a text or message. */
export type FieldValue = number | Uint8Array;

/** The last text of a field; empty when it has none. */
export function textOf(fields: ReadonlyMap<number, readonly FieldValue[]> | undefined, number: number): string {
  const value = fields?.get(number)?.at(-1);
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
}

/** The last number of a field; 0 when it has none. */
export function numberOf(fields: ReadonlyMap<number, readonly FieldValue[]> | undefined, number: number): number {
  const value = fields?.get(number)?.at(-1);
  return typeof value === "number" ? value : 0;
}

/** The messages of a repeated field. */
export function messagesOf(fields: ReadonlyMap<number, readonly FieldValue[]> | undefined, number: number) {
  const values = fields?.get(number) ?? [];
  return values.flatMap((value) => (value instanceof Uint8Array ? [fieldsOf(value)] : []));
}

const varint = 0;
const lengthDelimited = 2;

function put(fields: Map<number, FieldValue[]>, number: number, value: FieldValue): void {
  const values = fields.get(number);
  if (values === undefined) fields.set(number, [value]);
  else values.push(value);
}
