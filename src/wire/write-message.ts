import { ScalarType, type UnknownField } from "@bufbuild/protobuf";
import type { Field, Plan, Write } from "./field.js";
import { writeTag } from "./scalars.js";
import type { Sink } from "./sink.js";
import { isJsonObject, structOf } from "./struct.js";
import { unusual } from "./unusual.js";

type Properties = Readonly<Record<string, unknown>>;

/** Writes the fields of a message in the order of their numbers, and then those that are unknown. */
export function writeFields(sink: Sink, plan: Plan, message: Properties): void {
  if (message.$typeName !== plan.typeName) throw unusual;
  const mayInherit = plan.explicit && (plan.inherits || Object.getPrototypeOf(message) !== Object.prototype);
  const { fields } = plan;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as Field;
    const value = message[field.name];
    if (field.implicit || isSet(message, field, value, mayInherit)) field.write(sink, field, value);
  }
  const { $unknown } = message;
  if ($unknown !== undefined) writeUnknown(sink, $unknown);
}

function isSet(message: Properties, field: Field, value: unknown, mayInherit: boolean): boolean {
  if (value !== undefined && (!mayInherit || Object.hasOwn(message, field.name))) return true;
  // The library refuses the message.
  if (field.required) throw unusual;
  return false;
}

function writeUnknown(sink: Sink, unknown: unknown): void {
  if (!Array.isArray(unknown)) throw unusual;
  for (const { no, wireType, data } of unknown as UnknownField[]) {
    if (!(data instanceof Uint8Array)) throw unusual;
    sink.varint(((no << 3) | wireType) >>> 0);
    sink.raw(data);
  }
}

/** Writes a message behind its length. */
export const writeMessage: Write = (sink, field, value) => {
  if (typeof value !== "object" || value === null || field.plan === undefined) throw unusual;
  writeTag(sink, field.tag);
  const { width } = field;
  const begin = sink.open(width);
  writeFields(sink, field.plan, value as Properties);
  const needed = sink.close(begin, width);
  if (needed !== width) field.width = needed;
};

/** Writes a message between tags; the one at its end is the tag plus one. */
export const writeGroup: Write = (sink, field, value) => {
  if (typeof value !== "object" || value === null || field.plan === undefined) throw unusual;
  sink.varint(field.tag);
  writeFields(sink, field.plan, value as Properties);
  sink.varint(field.tag + 1);
};

/** Writes a google.protobuf.Struct, which is a JSON object in the message. */
export function ofStruct(write: Write): Write {
  return (sink, field, value) => {
    if (!isJsonObject(value)) throw unusual;
    write(sink, field, structOf(value));
  };
}

/** Writes a message with one field, whose value alone is in the message that it is part of. */
export const writeWrapper: Write = (sink, field, value) => {
  const { item } = field;
  if (item === undefined) throw unusual;
  writeTag(sink, field.tag);
  const begin = sink.open(1);
  item.write(sink, item, value);
  sink.close(begin, 1);
};

/** Writes all items, each with its tag. */
export const writeList: Write = (sink, field, value) => {
  const { item } = field;
  if (!Array.isArray(value) || item === undefined) throw unusual;
  for (let i = 0; i < value.length; i++) item.write(sink, item, value[i]);
};

/** Writes all items behind one length. */
export const writePacked: Write = (sink, field, value) => {
  const { item } = field;
  if (!Array.isArray(value) || item === undefined) throw unusual;
  if (value.length === 0) return;
  writeTag(sink, field.tag);
  const begin = sink.open(1);
  for (let i = 0; i < value.length; i++) item.write(sink, item, value[i]);
  sink.close(begin, 1);
};

/** Writes the entries of a map in the order of its properties; `keyOf` makes keys of their names. */
export function writeMap(keyOf: (name: string) => unknown): Write {
  return (sink, field, value) => {
    const { key, item } = field;
    if (typeof value !== "object" || value === null || key === undefined || item === undefined) throw unusual;
    const map = value as Properties;
    for (const name of Object.keys(map)) {
      writeTag(sink, field.tag);
      const begin = sink.open(1);
      key.write(sink, key, keyOf(name));
      item.write(sink, item, map[name]);
      sink.close(begin, 1);
    }
  };
}

/** Makes keys of a type of the names of properties; what is none is left for the type to refuse. */
export function keysOf(type: ScalarType): (name: string) => unknown {
  switch (type) {
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return (name) => (String(Number(name)) === name ? Number(name) : name);
    case ScalarType.BOOL:
      return (name) => (name === "true" ? true : name === "false" ? false : name);
    default:
      return (name) => name;
  }
}

/** Writes whichever member of a oneof is chosen, if any. */
export const writeOneof: Write = (sink, field, value) => {
  const { case: chosen, value: content } = value as { readonly case: string; readonly value: unknown };
  const member = field.members?.get(chosen);
  if (member !== undefined) member.write(sink, member, content);
};

/** Leaves the message to the library. */
export const refuse: Write = () => {
  throw unusual;
};
