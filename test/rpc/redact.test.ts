import { create, createFileRegistry, type DescMessage, type JsonValue, type Message } from "@bufbuild/protobuf";
import {
  anyPack,
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_timestamp,
  FieldDescriptorProto_Label as Label,
  TimestampSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactedJson, truncatedKey } from "../../src/rpc/redact.js";

const secret = { debugRedact: true };
const one = Label.OPTIONAL;
const many = Label.REPEATED;

/** A message with every kind of field, some of them secret, that nests itself. */
const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "t.proto",
    package: "t",
    syntax: "proto3",
    dependency: ["google/protobuf/timestamp.proto", "google/protobuf/any.proto"],
    enumType: [
      {
        name: "Color",
        value: [
          { name: "RED", number: 0 },
          { name: "BLUE", number: 1 },
        ],
      },
    ],
    messageType: [
      {
        name: "Node",
        oneofDecl: [{ name: "choice" }],
        nestedType: [mapEntry("ChildrenEntry", ".t.Node"), mapEntry("LabelsEntry"), mapEntry("SecretsEntry")],
        field: [
          { name: "name", number: 1, label: one, type: Type.STRING },
          { name: "password", number: 2, label: one, type: Type.STRING, options: secret },
          { name: "child", number: 3, label: one, type: Type.MESSAGE, typeName: ".t.Node" },
          { name: "list", number: 4, label: many, type: Type.MESSAGE, typeName: ".t.Node" },
          { name: "children", number: 5, label: many, type: Type.MESSAGE, typeName: ".t.Node.ChildrenEntry" },
          { name: "labels", number: 6, label: many, type: Type.MESSAGE, typeName: ".t.Node.LabelsEntry" },
          {
            name: "secrets",
            number: 7,
            label: many,
            type: Type.MESSAGE,
            typeName: ".t.Node.SecretsEntry",
            options: secret,
          },
          { name: "open_choice", number: 8, label: one, type: Type.STRING, oneofIndex: 0 },
          { name: "hidden_choice", number: 9, label: one, type: Type.STRING, oneofIndex: 0, options: secret },
          { name: "data", number: 10, label: one, type: Type.BYTES },
          { name: "color", number: 11, label: one, type: Type.ENUM, typeName: ".t.Color" },
          { name: "big", number: 12, label: one, type: Type.INT64 },
          { name: "ratio", number: 13, label: one, type: Type.DOUBLE },
          { name: "at", number: 14, label: one, type: Type.MESSAGE, typeName: ".google.protobuf.Timestamp" },
          { name: "any", number: 15, label: one, type: Type.MESSAGE, typeName: ".google.protobuf.Any" },
          { name: "hidden_child", number: 16, label: one, type: Type.MESSAGE, typeName: ".t.Node", options: secret },
          { name: "texts", number: 17, label: many, type: Type.STRING },
        ],
      },
    ],
  }),
  (name) => (name.includes("any") ? file_google_protobuf_any : file_google_protobuf_timestamp),
);

function mapEntry(name: string, typeName?: string) {
  const value = typeName === undefined ? { type: Type.STRING } : { type: Type.MESSAGE, typeName };
  const field = [
    { name: "key", number: 1, label: one, type: Type.STRING },
    { name: "value", number: 2, label: one, ...value },
  ];
  return { name, field, options: { mapEntry: true } };
}

const Node = registry.getMessage("t.Node") as DescMessage;
const node = (init: object): Message => create(Node, init as never);
const json = (init: object, limits = {}): JsonValue => redactedJson(Node, node(init), limits);

describe("redactedJson", () => {
  it("shows what is set by its proto name", () => {
    expect(
      json({
        name: "n",
        color: 1,
        big: 9_007_199_254_740_993n,
        ratio: 0.5,
        labels: { a: "b" },
        texts: ["x"],
        at: create(TimestampSchema, { seconds: 0n }),
        choice: { case: "openChoice", value: "o" },
        child: node({ name: "c" }),
      }),
    ).toEqual({
      name: "n",
      color: "BLUE",
      big: "9007199254740993",
      ratio: 0.5,
      labels: { a: "b" },
      texts: ["x"],
      at: "1970-01-01T00:00:00Z",
      open_choice: "o",
      child: { name: "c" },
    });
  });

  it("shows the length of bytes, the number of an unknown enum value, and no Any", () => {
    const any = anyPack(TimestampSchema, create(TimestampSchema));
    expect(json({ data: new Uint8Array(7), color: 9, any, ratio: Number.NaN })).toEqual({
      data: "<7 bytes>",
      color: 9,
      any: "<google.protobuf.Any>",
      ratio: "NaN",
    });
  });

  it("shows a timestamp out of range without failing", () => {
    const at = create(TimestampSchema, { seconds: 10n ** 15n });
    expect(json({ at })).toEqual({ at: "<invalid google.protobuf.Timestamp>" });
  });

  it("leaves out every secret, wherever it is", () => {
    fc.assert(
      fc.property(tree(), (message) => {
        const text = JSON.stringify(redactedJson(Node, message));
        expect(text).not.toContain("SECRET");
        expect(text).not.toMatch(/password|secrets|hidden/);
      }),
    );
  });

  it("shows everything else of small messages", () => {
    fc.assert(
      fc.property(tree(), (message) => {
        const limits = { maxChars: 1_000_000 };
        const text = JSON.stringify(redactedJson(Node, message, limits));
        expect((text.match(/shown/g) ?? []).length).toBe(countShown(message));
      }),
    );
  });

  it("is bounded, however large the message", () => {
    const limits = { maxChars: 500, maxStringChars: 50, maxEntries: 10 };
    fc.assert(
      fc.property(tree(), fc.integer({ min: 0, max: 300 }), (message, length) => {
        const wide = node({
          name: "n".repeat(length * 10),
          list: Array(length).fill(message),
          labels: Object.fromEntries(Array.from({ length }, (_, at) => [`k${at}`, "v".repeat(length)])),
        });
        expect(JSON.stringify(redactedJson(Node, wide, limits)).length).toBeLessThan(3_000);
      }),
    );
  });

  it("says what it left out", () => {
    expect(json({ name: "n".repeat(20) }, { maxStringChars: 5 })).toEqual({
      name: `nnnnn${truncatedKey} (20 characters)`,
    });
    expect(json({ texts: ["a", "b", "c"] }, { maxEntries: 2 })).toEqual({
      texts: ["a", "b", `${truncatedKey} 1 more`],
    });
    expect(json({ labels: { a: "1", b: "2", c: "3" } }, { maxEntries: 2 })).toEqual({
      labels: { a: "1", b: "2", [truncatedKey]: "1 more" },
    });
    expect(json({ name: "abc", data: new Uint8Array(1) }, { maxChars: 8 })).toEqual({
      name: "abc",
      [truncatedKey]: "truncated",
    });
  });
});

type Shown = Message & { name: string; list: Shown[]; children: Record<string, Shown>; child?: Shown };

function countShown(message: Message): number {
  const { name, list, children, child } = message as Shown;
  const below = [...list, ...Object.values(children), ...(child === undefined ? [] : [child])];
  return (name === "shown" ? 1 : 0) + below.reduce((sum, next) => sum + countShown(next), 0);
}

/** Messages up to four levels deep whose secrets all read SECRET and whose names all read "shown". */
function tree(): fc.Arbitrary<Message> {
  const leaf = fc.record(
    {
      name: fc.constant("shown"),
      password: fc.constant("SECRET"),
      secrets: fc.constant({ SECRET: "SECRET" }),
      choice: fc.constantFrom({ case: "hiddenChoice", value: "SECRET" }, { case: "openChoice", value: "open" }),
    },
    { requiredKeys: [] },
  );
  let message: fc.Arbitrary<Message> = leaf.map(node);
  for (let depth = 0; depth < 3; depth++) {
    const below = fc.record(
      {
        child: message,
        list: fc.array(message, { maxLength: 2 }),
        children: fc.dictionary(fc.constantFrom("a", "b"), message),
        hiddenChild: fc.constant(node({ name: "SECRET" })),
      },
      { requiredKeys: [] },
    );
    message = fc.tuple(leaf, below).map(([own, nested]) => node({ ...own, ...nested }));
  }
  return message;
}
