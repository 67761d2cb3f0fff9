import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, createFileRegistry, type DescMessage } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import {
  Edition,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
  FieldOptions_JSType as JsType,
  FieldDescriptorProto_Label as Label,
  FeatureSet_MessageEncoding as MessageEncoding,
  FeatureSet_FieldPresence as Presence,
  FeatureSet_RepeatedFieldEncoding as RepeatedEncoding,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

type FieldInit = Omit<Exclude<MessageInitShape<typeof FieldDescriptorProtoSchema>, FieldDescriptorProto>, "$typeName">;

const scalarTypes = [
  Type.DOUBLE,
  Type.FLOAT,
  Type.INT64,
  Type.UINT64,
  Type.INT32,
  Type.FIXED64,
  Type.FIXED32,
  Type.BOOL,
  Type.STRING,
  Type.BYTES,
  Type.UINT32,
  Type.SFIXED32,
  Type.SFIXED64,
  Type.SINT32,
  Type.SINT64,
];
const longTypes = [Type.INT64, Type.UINT64, Type.FIXED64, Type.SFIXED64, Type.SINT64];
const unpackable = [Type.STRING, Type.BYTES];
const nameOf = (type: Type): string => Type[type].toLowerCase();

// Tags of one byte to five.
const numbers = [1, 15, 16, 2_047, 2_048, 262_143, 262_144, 33_554_431, 33_554_432, 536_870_911];

function field(name: string, number: number, type: Type, more: FieldInit = {}): FieldDescriptorProto {
  return create(FieldDescriptorProtoSchema, { name, number, type, label: Label.OPTIONAL, ...more });
}

const scalars = (prefix: string, from: number, more: FieldInit = {}, types = scalarTypes): FieldDescriptorProto[] =>
  types.map((type, i) => field(`${prefix}_${nameOf(type)}`, from + i, type, more));

const features = (of: NonNullable<NonNullable<FieldInit["options"]>["features"]>): FieldInit => ({
  options: { features: of },
});

const wrapperNames = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"];
const wrapper = (name: string): FieldInit => ({ typeName: `.google.protobuf.${name}Value` });
const struct: FieldInit = { typeName: ".google.protobuf.Struct" };
const repeated: FieldInit = { label: Label.REPEATED };

/** Entries of a map field, which is of a type of its own. */
const entry = (name: string, key: Type, value: FieldDescriptorProto) => ({
  name,
  field: [field("key", 1, key), value],
  options: { mapEntry: true },
});

const dependency = ["google/protobuf/struct.proto", "google/protobuf/wrappers.proto"];
const colour = {
  name: "Colour",
  value: [
    { name: "RED", number: 0 },
    { name: "BLUE", number: 200 },
    { name: "NO", number: -1 },
  ],
};

/** Fields of the types that are not what they seem in a message, at each place where a field can be. */
const places = (in3: string) => {
  const mapKeys = [
    Type.INT32,
    Type.UINT32,
    Type.SINT32,
    Type.FIXED32,
    Type.SFIXED32,
    Type.BOOL,
    Type.STRING,
    ...longTypes,
  ];
  return {
    name: "Places",
    field: [
      ...wrapperNames.map((name, i) => field(`one_${name}`, 1 + i, Type.MESSAGE, wrapper(name))),
      ...wrapperNames.map((name, i) => field(`some_${name}`, 11 + i, Type.MESSAGE, { ...wrapper(name), ...repeated })),
      ...wrapperNames.map((name, i) => field(`or_${name}`, 21 + i, Type.MESSAGE, { ...wrapper(name), oneofIndex: 0 })),
      field("or_struct", 31, Type.MESSAGE, { ...struct, oneofIndex: 0 }),
      field("one_struct", 32, Type.MESSAGE, struct),
      field("some_structs", 33, Type.MESSAGE, { ...struct, ...repeated }),
      field("structs", 34, Type.MESSAGE, { typeName: `.${in3}.Places.StructsEntry`, ...repeated }),
      field("wrappers", 35, Type.MESSAGE, { typeName: `.${in3}.Places.WrappersEntry`, ...repeated }),
      field("value", 36, Type.MESSAGE, { typeName: ".google.protobuf.Value" }),
      ...mapKeys.map((type, i) =>
        field(`by_${nameOf(type)}`, 41 + i, Type.MESSAGE, { typeName: `.${in3}.Places.By${i}Entry`, ...repeated }),
      ),
    ],
    oneofDecl: [{ name: "either" }],
    nestedType: [
      entry("StructsEntry", Type.STRING, field("value", 2, Type.MESSAGE, struct)),
      entry("WrappersEntry", Type.STRING, field("value", 2, Type.MESSAGE, wrapper("String"))),
      ...mapKeys.map((type, i) => entry(`By${i}Entry`, type, field("value", 2, scalarTypes[i] ?? Type.BOOL))),
    ],
  };
};

const proto3 = create(FileDescriptorProtoSchema, {
  name: "odd3.proto",
  package: "odd3",
  syntax: "proto3",
  dependency,
  enumType: [colour],
  messageType: [
    places("odd3"),
    {
      name: "Plain",
      field: [
        ...scalars("one", 1),
        ...scalars("some", 21, repeated),
        ...scalars(
          "flat",
          41,
          { ...repeated, options: { packed: false } },
          scalarTypes.filter((t) => !unpackable.includes(t)),
        ),
        ...scalars("text", 61, { options: { jstype: JsType.JS_STRING } }, longTypes),
        ...scalars("texts", 71, { ...repeated, options: { jstype: JsType.JS_STRING } }, longTypes),
        field("colour", 81, Type.ENUM, { typeName: ".odd3.Colour" }),
        field("colours", 82, Type.ENUM, { typeName: ".odd3.Colour", ...repeated }),
        field("perhaps", 83, Type.STRING, { proto3Optional: true, oneofIndex: 2 }),
        // Oneofs with other fields between their members.
        field("left_a", 91, Type.STRING, { oneofIndex: 0 }),
        field("right_a", 92, Type.INT64, { oneofIndex: 1 }),
        field("left_b", 93, Type.MESSAGE, { typeName: ".odd3.Plain", oneofIndex: 0 }),
        field("between", 94, Type.BOOL),
        field("left_c", 95, Type.ENUM, { typeName: ".odd3.Colour", oneofIndex: 0 }),
        field("right_b", 96, Type.BYTES, { oneofIndex: 1 }),
        field("again", 97, Type.MESSAGE, { typeName: ".odd3.Plain" }),
      ],
      oneofDecl: [{ name: "left" }, { name: "right" }, { name: "_perhaps" }],
    },
    { name: "Numbers", field: numbers.toReversed().map((number) => field(`n${number}`, number, Type.INT32)) },
    {
      name: "Inherited",
      field: [field("has_own_property", 1, Type.STRING, { proto3Optional: true, oneofIndex: 0 })],
      oneofDecl: [{ name: "_has_own_property" }],
    },
    { name: "Empty" },
  ],
});

const proto2 = create(FileDescriptorProtoSchema, {
  name: "odd2.proto",
  package: "odd2",
  syntax: "proto2",
  dependency,
  enumType: [
    {
      name: "Closed",
      value: [
        { name: "SEVEN", number: 7 },
        { name: "ZERO", number: 0 },
      ],
    },
  ],
  extension: [
    field("note", 100, Type.STRING, { extendee: ".odd2.Old" }),
    field("notes", 101, Type.INT32, { extendee: ".odd2.Old", ...repeated }),
  ],
  messageType: [
    places("odd2"),
    {
      name: "Old",
      extensionRange: [{ start: 100, end: 200 }],
      field: [
        ...scalars("one", 1),
        ...scalars("some", 21, repeated),
        field("named", 41, Type.STRING, { defaultValue: "somebody" }),
        field("closed", 42, Type.ENUM, { typeName: ".odd2.Closed" }),
        field("many_closed", 43, Type.ENUM, { typeName: ".odd2.Closed", ...repeated }),
        field("group", 44, Type.GROUP, { typeName: ".odd2.Old.Group" }),
        field("groups", 45, Type.GROUP, { typeName: ".odd2.Old.Groups", ...repeated }),
        field("or_group", 46, Type.GROUP, { typeName: ".odd2.Old.OrGroup", oneofIndex: 0 }),
        field("or_text", 47, Type.STRING, { oneofIndex: 0 }),
        field("strict", 48, Type.MESSAGE, { typeName: ".odd2.Strict" }),
      ],
      oneofDecl: [{ name: "either" }],
      nestedType: ["Group", "Groups", "OrGroup"].map((name) => ({
        name,
        field: [field("id", 1, Type.INT32), field("old", 2, Type.MESSAGE, { typeName: ".odd2.Old" })],
      })),
    },
    { name: "Strict", field: scalars("must", 1, { label: Label.REQUIRED }) },
  ],
});

const editions = create(FileDescriptorProtoSchema, {
  name: "odd2023.proto",
  package: "odd2023",
  syntax: "editions",
  edition: Edition.EDITION_2023,
  dependency,
  enumType: [colour],
  messageType: [
    places("odd2023"),
    {
      name: "Featured",
      field: [
        ...scalars("explicit", 1),
        ...scalars("implicit", 21, features({ fieldPresence: Presence.IMPLICIT })),
        ...scalars("expanded", 41, { ...repeated, ...features({ repeatedFieldEncoding: RepeatedEncoding.EXPANDED }) }),
        field("colour", 61, Type.ENUM, {
          typeName: ".odd2023.Colour",
          ...features({ fieldPresence: Presence.IMPLICIT }),
        }),
        ...["one", "some"].map((name, i) =>
          field(name, 62 + i, Type.MESSAGE, {
            typeName: ".odd2023.Featured",
            label: i === 0 ? Label.OPTIONAL : Label.REPEATED,
            ...features({ messageEncoding: MessageEncoding.DELIMITED }),
          }),
        ),
        field("delimited_struct", 64, Type.MESSAGE, {
          ...struct,
          ...features({ messageEncoding: MessageEncoding.DELIMITED }),
        }),
        field("delimited_wrapper", 65, Type.MESSAGE, {
          ...wrapper("Int64"),
          ...features({ messageEncoding: MessageEncoding.DELIMITED }),
        }),
      ],
    },
    {
      name: "Strict",
      field: [field("must", 1, Type.STRING, features({ fieldPresence: Presence.LEGACY_REQUIRED }))],
    },
  ],
});

const dependencies = new Map([
  ["google/protobuf/struct.proto", file_google_protobuf_struct],
  ["google/protobuf/wrappers.proto", file_google_protobuf_wrappers],
]);

/** Types with what the types of the platform lack: other syntaxes and features, and every place for every type. */
export const oddTypes = [proto2, proto3, editions].map((file) =>
  createFileRegistry(file, (name) => dependencies.get(name)),
);

/** A type of those. */
export function oddType(typeName: string): DescMessage {
  for (const registry of oddTypes) {
    const desc = registry.getMessage(typeName);
    if (desc !== undefined) return desc;
  }
  throw new Error(`there is no ${typeName}`);
}

/** All of those types. */
export const oddMessages: readonly DescMessage[] = oddTypes.flatMap((registry) =>
  [...registry.files].flatMap((file) => [...nestedTypes(file)].filter((type) => type.kind === "message")),
);
