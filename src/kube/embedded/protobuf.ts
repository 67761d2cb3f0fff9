import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type ProtoField, type ProtoMessage, protoMessages } from "./protobuf-types.js";
import { badRequest, StatusError, unsupportedMediaType } from "./status-error.js";
import type { Fields } from "./types.js";

/** What a body in protobuf begins with. */
export const protobufMark = Buffer.from("k8s\0");

/**
 * Decodes the few kinds that kubectl sends in protobuf. A kind, or a field with
 * a value, that is not known here is a 415, so that nothing is lost in silence.
 */
export function decodeProtobuf(body: Buffer, accepted: readonly string[]): Fields {
  try {
    const { apiVersion, kind, raw } = readEnvelope(body.subarray(protobufMark.length));
    const key = `${apiVersion}/${kind}`;
    const message = Object.hasOwn(protoMessages, key) ? protoMessages[key] : undefined;
    if (!message) throw unsupportedMediaType(accepted);
    return { apiVersion, kind, ...readMessage(raw, message, accepted) };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest("the body of the request cannot be parsed as protobuf");
  }
}

function readEnvelope(data: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  const envelope = { apiVersion: "", kind: "", raw: new Uint8Array() as Uint8Array };
  eachField(data, (number, wire, reader) => {
    if (number === 1 && wire === WireType.LengthDelimited) {
      eachField(reader.bytes(), (inner, innerWire, names) => {
        if (inner === 1) envelope.apiVersion = names.string();
        else if (inner === 2) envelope.kind = names.string();
        else names.skip(innerWire, inner);
      });
    } else if (number === 2 && wire === WireType.LengthDelimited) envelope.raw = reader.bytes();
    else reader.skip(wire, number);
  });
  return envelope;
}

function eachField(data: Uint8Array, visit: (number: number, wire: WireType, reader: BinaryReader) => void): void {
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    visit(number, wire, reader);
  }
}

function readMessage(data: Uint8Array, message: ProtoMessage, accepted: readonly string[]): Fields {
  const result = new Map<string, unknown>();
  eachField(data, (number, wire, reader) => {
    const known = message[number];
    if (!known) {
      if (!isZero(reader, wire, number)) throw unsupportedMediaType(accepted);
      return;
    }
    const [name, field] = known;
    if (field === "skip") reader.skip(wire, number);
    else if (isList(field)) {
      const list = (result.get(name) ?? []) as unknown[];
      result.set(name, [...list, readValue(reader, field.list, accepted)]);
    } else if (isMap(field)) {
      const [key, value] = readEntry(reader.bytes(), field.map, accepted);
      result.set(name, { ...(result.get(name) as Fields | undefined), [key]: value });
    } else {
      const value = readValue(reader, field, accepted);
      // Upstream writes all texts and flags, also those that nobody has set.
      if (value !== "" && value !== false) result.set(name, value);
    }
  });
  return Object.fromEntries(result);
}

function isList(field: ProtoField): field is { list: ProtoField } {
  return typeof field === "object" && "list" in field;
}

function isMap(field: ProtoField): field is { map: ProtoField } {
  return typeof field === "object" && "map" in field;
}

function readEntry(data: Uint8Array, field: ProtoField, accepted: readonly string[]): [string, unknown] {
  let key = "";
  let value: unknown = "";
  eachField(data, (number, wire, reader) => {
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(reader, field, accepted);
    else reader.skip(wire, number);
  });
  if (key === "__proto__") throw badRequest('the body of the request has a field named "__proto__"');
  return [key, value];
}

function readValue(reader: BinaryReader, field: ProtoField, accepted: readonly string[]): unknown {
  if (field === "string") return reader.string();
  if (field === "int") return Number(reader.int64());
  if (field === "bool") return reader.bool();
  if (field === "bytes") return Buffer.from(reader.bytes()).toString("base64");
  if (field === "intOrString") {
    const parts = { 1: ["type", "int"], 2: ["number", "int"], 3: ["text", "string"] } as const;
    const { type, number, text } = readMessage(reader.bytes(), parts, accepted);
    return type === 1 ? text : number;
  }
  if (typeof field === "object" && "message" in field) return readMessage(reader.bytes(), field.message, accepted);
  throw new Error("a field of a list or map cannot be a list, a map or skipped");
}

/** Reads a field that is not known, and says whether it holds no value. */
function isZero(reader: BinaryReader, wire: WireType, number: number): boolean {
  if (wire === WireType.Varint) return Number(reader.int64()) === 0;
  if (wire === WireType.LengthDelimited) return reader.bytes().length === 0;
  reader.skip(wire, number);
  return false;
}
