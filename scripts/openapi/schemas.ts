import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  type JsonObject,
  ScalarType,
} from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { message as messageRules, oneof as oneofRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Comments } from "./comments.js";
import { noRules, ruleKeywords } from "./rules.js";

/** Which way a message goes. */
export type Direction = "input" | "output";

const validator = createValidator();

const integer64 = { type: "string", format: "int64", pattern: "^-?[0-9]+$" };
const unsigned64 = { type: "string", format: "uint64", pattern: "^[0-9]+$" };
const signed32 = { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
const unsigned32 = { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
const float = { anyOf: [{ type: "number" }, { enum: ["NaN", "Infinity", "-Infinity"] }] };

const scalars: Readonly<Record<ScalarType, JsonObject>> = {
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.DOUBLE]: float,
  [ScalarType.FLOAT]: float,
  [ScalarType.INT32]: signed32,
  [ScalarType.SINT32]: signed32,
  [ScalarType.SFIXED32]: signed32,
  [ScalarType.UINT32]: unsigned32,
  [ScalarType.FIXED32]: unsigned32,
  [ScalarType.INT64]: integer64,
  [ScalarType.SINT64]: integer64,
  [ScalarType.SFIXED64]: integer64,
  [ScalarType.UINT64]: unsigned64,
  [ScalarType.FIXED64]: unsigned64,
};

/** Messages that have a JSON form of their own. */
const wellKnown: Readonly<Record<string, JsonObject>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.Empty": { type: "object" },
};

/** Makes the schemas of messages, and keeps each once; descriptions are taken from the comments. */
export class Schemas {
  readonly #made = new Map<string, JsonObject>();
  readonly #comments: Comments;

  constructor(comments: Comments) {
    this.#comments = comments;
  }

  /** A reference to the schema of a message that is sent ("input": with the rules that it has to keep) or answered. */
  message(desc: DescMessage, direction: Direction): JsonObject {
    const known = wellKnown[desc.typeName];
    if (known !== undefined) return known;
    // What is answered need not keep the rules of what is sent: a message that has rules has two schemas.
    const hasTwo = direction === "input" && !desc.name.endsWith("Request") && hasRules(desc);
    const name = hasTwo ? `${desc.typeName}.Input` : desc.typeName;
    if (!this.#made.has(name)) {
      // Messages may hold themselves: what is being made is referred to, and not made again.
      this.#made.set(name, {});
      this.#made.set(name, this.#messageSchema(desc, direction));
    }
    return reference(name);
  }

  /** Every schema that was referred to, by name. */
  components(): JsonObject {
    return Object.fromEntries([...this.#made].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #messageSchema(desc: DescMessage, direction: Direction): JsonObject {
    const isInput = direction === "input";
    const required = isInput ? requiredFields(desc) : [];
    const oneofs = desc.oneofs.map((oneof) => {
      const names = oneof.fields.map(({ jsonName }) => ({ required: [jsonName] }));
      const isNeeded = isInput && getOption(oneof, oneofRules).required;
      return { oneOf: isNeeded ? names : [...names, { not: { anyOf: names } }] };
    });
    const rules = isInput ? getOption(desc, messageRules).cel.map(({ message }) => message) : [];
    const properties = desc.fields.map((field) => [field.jsonName, this.#field(field, direction)] as const);
    return {
      ...described(this.#comments.get(desc.typeName), rules),
      type: "object",
      ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
      ...(required.length > 0 ? { required } : {}),
      ...(oneofs.length > 0 ? { allOf: oneofs } : {}),
    };
  }

  #field(field: DescField, direction: Direction): JsonObject {
    const rules = direction === "input" ? ruleKeywords(field) : noRules;
    return {
      ...described(this.#comments.get(`${field.parent.typeName}.${field.name}`), rules.notes),
      ...combined(this.#value(field, direction, rules.items), rules.keywords),
      ...(field.deprecated ? { deprecated: true } : {}),
    };
  }

  #value(field: DescField, direction: Direction, items: JsonObject): JsonObject {
    if (field.fieldKind !== "list" && field.fieldKind !== "map") return this.#single(field, direction);
    const entry = combined(this.#single(field, direction), items);
    return field.fieldKind === "list"
      ? { type: "array", items: entry }
      : { type: "object", additionalProperties: entry };
  }

  /** The schema of a field's value, or of each in a list or map. */
  #single(field: DescField, direction: Direction): JsonObject {
    if (field.message !== undefined) return this.message(field.message, direction);
    return field.enum !== undefined ? this.#enum(field.enum) : scalars[field.scalar];
  }

  #enum(desc: DescEnum): JsonObject {
    const { typeName, values } = desc;
    if (!this.#made.has(typeName)) {
      const lines = values.map(({ name }) => {
        const comment = this.#comments.get(`${typeName}/${name}`);
        return `- \`${name}\`${comment === undefined ? "" : `: ${comment}`}`;
      });
      const description = [this.#comments.get(typeName) ?? "", lines.join("\n")].join("\n\n").trim();
      this.#made.set(typeName, { description, type: "string", enum: values.map(({ name }) => name) });
    }
    return reference(typeName);
  }
}

function reference(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** Both schemas hold; where they use a keyword twice, each stands for itself. */
function combined(schema: JsonObject, more: JsonObject): JsonObject {
  return Object.keys(more).some((key) => key in schema) ? { ...schema, allOf: [more] } : { ...schema, ...more };
}

function described(comment: string | undefined, notes: readonly string[]): JsonObject {
  const text = [comment ?? "", ...(notes.length > 0 ? [`Rules: ${notes.join("; ")}.`] : [])].join("\n\n").trim();
  return text === "" ? {} : { description: text };
}

/** The fields whose absence breaks the rules, as a request with none of them shows. */
function requiredFields(desc: DescMessage): string[] {
  const result = validator.validate(desc, create(desc));
  if (result.kind === "error") throw result.error;
  const broken = new Set((result.violations ?? []).flatMap(({ field }) => (field.length === 1 ? [field[0]] : [])));
  return desc.fields.filter((field) => broken.has(field)).map(({ jsonName }) => jsonName);
}

/** Whether a message, or one that it holds, has rules. */
function hasRules(desc: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(desc)) return false;
  seen.add(desc);
  if (getOption(desc, messageRules).cel.length > 0) return true;
  if (desc.oneofs.some((oneof) => getOption(oneof, oneofRules).required)) return true;
  return (
    desc.fields.some((field) => {
      const { keywords, items, notes } = ruleKeywords(field);
      if (Object.keys(keywords).length + Object.keys(items).length + notes.length > 0) return true;
      return field.message !== undefined && hasRules(field.message, seen);
    }) || requiredFields(desc).length > 0
  );
}
