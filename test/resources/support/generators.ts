import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import fc from "fast-check";

/** Messages of a type, with what is known to hurt in them, and now and then with what is right: the `known` texts too. */
export function messagesOf(desc: DescMessage, known: readonly string[], depth = 0): fc.Arbitrary<Message> {
  const values = { texts: fc.oneof(texts, fc.constantFrom(...known)), known, depth };
  const fields = desc.fields.map((field) => fc.option(valuesOf(field, values), { nil: undefined, freq: 3 }));
  return fc.tuple(...fields).map((values) => {
    const message = reflect(desc, create(desc));
    const plain = message.message as Message & Record<string, unknown>;
    desc.fields.forEach((field, i) => {
      if (values[i] === undefined) return;
      if (field.oneof !== undefined) plain[field.oneof.localName] = { case: field.localName, value: values[i] };
      else plain[field.localName] = values[i];
    });
    return plain;
  });
}

interface Values {
  readonly texts: fc.Arbitrary<string>;
  readonly known: readonly string[];
  readonly depth: number;
}

function valuesOf(field: DescField, { texts, known, depth }: Values): fc.Arbitrary<unknown> {
  const messages = (desc: DescMessage) => messagesOf(desc, known, depth + 1);
  switch (field.fieldKind) {
    case "message":
      return depth > 2 ? fc.constant(undefined) : messages(field.message);
    case "list": {
      const items = field.listKind === "message" ? messages(field.message) : scalars(field.scalar, texts);
      return fc.array(items, { maxLength: 3 });
    }
    case "map":
      return fc.dictionary(
        texts,
        field.mapKind === "message" ? messages(field.message) : scalars(field.scalar, texts),
        { maxKeys: 3 },
      );
    case "enum":
      return fc.constantFrom(0, 1, 2, 3, 99, -1);
    case "scalar":
      return scalars(field.scalar, texts);
  }
}

const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom("", "*", "a\u0000", "'", "__proto__", "constructor", "x".repeat(300)),
  fc.constantFrom("eqx-mu4", "1.33.5", "n1-medium-x86", "group-0", "viewer", "/api.v1.ClusterService/Get"),
);

function scalars(type: ScalarType | undefined, texts: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 10 });
    case ScalarType.INT64:
      return fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0n, 600n, 3_600n));
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case ScalarType.UINT32:
      return fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat(4));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return fc.double();
    case undefined:
      return fc.constantFrom(0, 1, 2, 3, 99);
    default:
      return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  }
}
