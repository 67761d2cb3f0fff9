import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

export type Fields = Record<string, unknown>;

const utf16 = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 })), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));

/** Of every kind, and of the lengths at which something changes. */
const texts = fc.oneof(
  fc.constantFrom("", "a", "é", "\u007f", "\u0080", "\ud800", "x\udfff", "😀"),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  utf16,
  fc
    .tuple(fc.constantFrom("x", "é", "€", "😀", "\ud800"), fc.constantFrom(39, 40, 41, 42, 43, 63, 64, 127, 128, 200))
    .map(([unit, length]) => unit.repeat(length)),
  fc.tuple(fc.constantFrom("x", "€"), fc.constantFrom(5_461, 16_383, 16_384, 16_385)).map(([u, n]) => u.repeat(n)),
);

const int32 = fc.oneof(fc.constantFrom(0, -0, 1, -1, 127, 128, 16_383, 16_384, 0x7fffffff, -0x80000000), fc.integer());
const uint32 = fc.oneof(fc.constantFrom(0, -0, 127, 128, 0x80000000, 0xffffffff), fc.integer({ min: 0 }));
const signedEdges = [
  0n,
  1n,
  -1n,
  127n,
  128n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const int64 = fc.oneof(
  fc.constantFrom(...signedEdges),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 0n, max: 2_000_000_000n }),
);
const uint64 = fc.oneof(
  fc.constantFrom(0n, 127n, 128n, 2n ** 28n, 2n ** 35n, 2n ** 56n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const doubles = fc.oneof(fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324), fc.double());
const floats = fc.oneof(fc.constantFrom(0, -0, Number.NaN, Number.NEGATIVE_INFINITY, 1e-45, 0.1), fc.float());
const bytes = fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 200 }));

/** Values that a scalar type can hold, 64 bits in each of the forms that the library takes. */
export function scalarValues(type: ScalarType, longAsString = false): fc.Arbitrary<unknown> {
  const long = (values: fc.Arbitrary<bigint>): fc.Arbitrary<unknown> =>
    longAsString ? values.map(String) : fc.oneof({ arbitrary: values, weight: 9 }, values.map(String));
  switch (type) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return bytes;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
      return doubles;
    case ScalarType.FLOAT:
      return floats;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return uint32;
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return long(uint64);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return long(int64);
    default:
      return int32;
  }
}

/** Also numbers without a name, which closed enums do not have, and the library encodes nevertheless. */
const enumValues = (desc: DescEnum): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(...desc.values.map((value) => value.number)), int32);

const json: fc.Arbitrary<Fields> = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 4,
});

function messageValues(field: DescField & { message: DescMessage }, depth: number): fc.Arbitrary<unknown> {
  const { message, parent, fieldKind, oneof } = field;
  const [wrapped] = message.fields;
  if (fieldKind === "message" && oneof === undefined && isWrapperDesc(message) && wrapped?.fieldKind === "scalar") {
    return scalarValues(wrapped.scalar, wrapped.longAsString);
  }
  if (message.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value") return json;
  return arbitraryMessage(message, depth - 1);
}

function listValues(field: DescField & { fieldKind: "list" }, depth: number): fc.Arbitrary<unknown> {
  if (field.listKind === "message") {
    return depth === 0 ? fc.constant([]) : fc.array(messageValues(field, depth), { maxLength: 3 });
  }
  const items = field.listKind === "enum" ? enumValues(field.enum) : scalarValues(field.scalar, field.longAsString);
  return fc.oneof({ arbitrary: fc.array(items, { maxLength: 5 }), weight: 4 }, fc.array(items, { maxLength: 300 }));
}

function mapValues(field: DescField & { fieldKind: "map" }, depth: number): fc.Arbitrary<unknown> {
  const keys = scalarValues(field.mapKey).map(String);
  if (field.mapKind !== "message") {
    const items = field.mapKind === "enum" ? enumValues(field.enum) : scalarValues(field.scalar);
    return fc.dictionary(keys, items, { maxKeys: 5 });
  }
  return depth === 0 ? fc.constant({}) : fc.dictionary(keys, messageValues(field, depth), { maxKeys: 3 });
}

function fieldValues(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "scalar":
      return scalarValues(field.scalar, field.longAsString);
    case "enum":
      return enumValues(field.enum);
    case "message":
      return depth === 0 ? fc.constant(undefined) : messageValues(field, depth);
    case "list":
      return listValues(field, depth);
    case "map":
      return mapValues(field, depth);
  }
}

function oneofValues(oneof: DescOneof, depth: number): fc.Arbitrary<unknown> {
  const members = oneof.fields.filter((field) => depth > 0 || field.fieldKind !== "message");
  const chosen = members.map((field) => fieldValues(field, depth).map((value) => ({ case: field.localName, value })));
  return fc.oneof(fc.constant({ case: undefined }), ...chosen);
}

const unknownFields = fc.array(
  fc.record({
    no: fc.integer({ min: 1, max: 536_870_911 }),
    wireType: fc.constantFrom(0, 1, 2, 5),
    data: fc.uint8Array({ maxLength: 20 }),
  }),
  { maxLength: 2 },
);

const known = new Map<string, fc.Arbitrary<Message>>();

/** Messages of a type that the library can encode: fields absent or with any value, and so many messages deep. */
export function arbitraryMessage(desc: DescMessage, depth: number): fc.Arbitrary<Message> {
  const name = `${depth} ${desc.file.name} ${desc.typeName}`;
  const made = known.get(name);
  if (made !== undefined) return made;
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of desc.members) {
    members[member.localName] =
      member.kind === "oneof" ? oneofValues(member, depth) : fieldValues(member, depth).filter((v) => v !== undefined);
  }
  for (const field of desc.fields) {
    // At the end of the way down there is nothing to put there.
    if (depth === 0 && field.fieldKind === "message" && field.oneof === undefined) delete members[field.localName];
  }
  const required = desc.fields.filter(isRequired).map((field) => field.localName);
  const arbitrary = fc
    .tuple(
      fc.record(members, { requiredKeys: required.filter((key) => key in members) }),
      fc.option(unknownFields, { nil: undefined, freq: 5 }),
    )
    .map(([fields, unknown]) => withFields(create(desc), fields, unknown));
  known.set(name, arbitrary);
  return arbitrary;
}

const legacyRequired = 3;
const isRequired = (field: DescField): boolean => field.presence === legacyRequired;

function withFields(message: Message, fields: Fields, unknown: Message["$unknown"]): Message {
  Object.assign(message, fields);
  if (unknown !== undefined) message.$unknown = unknown;
  return message;
}
