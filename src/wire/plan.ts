import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { isWrapperDesc, FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { type Field, fieldOf, type Plan } from "./field.js";
import { scalars } from "./scalars.js";
import {
  keysOf,
  ofStruct,
  refuse,
  writeGroup,
  writeList,
  writeMap,
  writeMessage,
  writeOneof,
  writePacked,
  writeWrapper,
} from "./write-message.js";

const plans = new WeakMap<DescMessage, Plan>();

/** How the messages of a type are written; found out once. */
export function planOf(desc: DescMessage): Plan {
  const known = plans.get(desc);
  if (known !== undefined) return known;
  const sorted = desc.fields.toSorted((a, b) => a.number - b.number);
  const explicit = sorted.filter((field) => field.oneof === undefined && field.presence !== Presence.IMPLICIT);
  const fields: Field[] = [];
  const plan: Plan = {
    typeName: desc.typeName,
    fields,
    explicit: explicit.length > 0,
    inherits: explicit.some((field) => field.localName in Object.prototype),
  };
  // Known before its fields are, for a message may contain others of its own type.
  plans.set(desc, plan);
  for (let i = 0; i < sorted.length; i++) {
    const field = sorted[i] as DescField;
    const members = field.oneof === undefined ? [] : membersFrom(sorted, i, field.oneof);
    fields.push(field.oneof === undefined ? ownField(field) : oneofField(field.oneof, members));
    i += Math.max(0, members.length - 1);
  }
  return plan;
}

/** The members of a oneof with no other field among them: a look at the oneof is enough for all of them. */
function membersFrom(sorted: readonly DescField[], begin: number, oneof: DescOneof): readonly DescField[] {
  const end = sorted.findIndex((field, i) => i > begin && field.oneof !== oneof);
  return sorted.slice(begin, end === -1 ? undefined : end);
}

function oneofField(oneof: DescOneof, members: readonly DescField[]): Field {
  return fieldOf({
    name: oneof.localName,
    // The property is there, whether or not a member is chosen.
    implicit: true,
    members: new Map(members.map((member) => [member.localName, contentOf(member, false)])),
    write: writeOneof,
  });
}

function ownField(field: DescField): Field {
  const { presence, localName: name } = field;
  const content = contentOf(field, presence === Presence.IMPLICIT);
  return fieldOf({ ...content, name, required: presence === Presence.LEGACY_REQUIRED });
}

const tagOf = (number: number, wireType: WireType): number => ((number << 3) | wireType) >>> 0;

/** A field as far as its value goes; without presence the zero value is left out. */
function contentOf(field: DescField, implicit: boolean): Field {
  switch (field.fieldKind) {
    case "scalar":
      return fieldOf({ ...scalarField(field.number, field.scalar), implicit });
    case "enum":
      return fieldOf({ ...int32Field(field.number), implicit, zero: field.enum.values[0]?.number ?? 0 });
    case "message":
      if (implicit) return fieldOf({ write: refuse, implicit });
      return field.oneof === undefined && isWrapperDesc(field.message) ? wrapperField(field) : messageField(field);
    case "list":
      return fieldOf({ ...listField(field), implicit });
    case "map":
      return fieldOf({ ...mapField(field), implicit });
  }
}

function scalarField(number: number, type: ScalarType): Field {
  const scalar = scalars.get(type);
  if (scalar === undefined) return fieldOf({ write: refuse });
  return fieldOf({ tag: tagOf(number, scalar.wireType), write: scalar.write });
}

/** Also for enums: they are written as these are. */
const int32Field = (number: number): Field => scalarField(number, ScalarType.INT32);

interface OfMessages {
  readonly parent: DescMessage;
  readonly message: DescMessage;
  readonly number: number;
  readonly delimitedEncoding?: boolean;
}

function messageField({ parent, message, number, delimitedEncoding }: OfMessages): Field {
  const write = delimitedEncoding ? writeGroup : writeMessage;
  const isJson = message.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value";
  return fieldOf({
    tag: tagOf(number, delimitedEncoding ? WireType.StartGroup : WireType.LengthDelimited),
    write: isJson ? ofStruct(write) : write,
    plan: planOf(message),
  });
}

function wrapperField(field: DescField & { fieldKind: "message" }): Field {
  const [wrapped] = field.message.fields;
  if (wrapped === undefined || field.delimitedEncoding) return fieldOf({ write: refuse });
  return fieldOf({
    tag: tagOf(field.number, WireType.LengthDelimited),
    write: writeWrapper,
    item: contentOf(wrapped, wrapped.presence === Presence.IMPLICIT),
  });
}

function listField(field: DescField & { fieldKind: "list" }): Field {
  if (field.listKind === "message") return fieldOf({ write: writeList, item: messageField(field) });
  const item = field.listKind === "enum" ? int32Field(field.number) : scalarField(field.number, field.scalar);
  if (!field.packed) return fieldOf({ write: writeList, item });
  const tag = tagOf(field.number, WireType.LengthDelimited);
  return fieldOf({ tag, write: writePacked, item: fieldOf({ ...item, tag: 0 }) });
}

function mapField(field: DescField & { fieldKind: "map" }): Field {
  const item =
    field.mapKind === "message"
      ? messageField({ parent: field.parent, message: field.message, number: 2 })
      : field.mapKind === "enum"
        ? int32Field(2)
        : scalarField(2, field.scalar);
  return fieldOf({
    tag: tagOf(field.number, WireType.LengthDelimited),
    write: writeMap(keysOf(field.mapKey)),
    key: scalarField(1, field.mapKey),
    item,
  });
}
