import {
  createRegistry,
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescService,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { nestedTypes, protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  Edition,
  EnumOptionsSchema,
  FieldOptionsSchema,
  MessageOptionsSchema,
  MethodOptionsSchema,
  ServiceOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Facts, ruleText } from "./facts.js";

type Fact = [string, string];

/** The compiled contract as facts, in the same words as the published one. */
export function compiledFacts(files: readonly DescFile[]): Facts {
  const registry = createRegistry(...files, file_buf_validate_validate);
  return new Map(files.flatMap((file) => fileFacts(file, registry)));
}

function fileFacts(file: DescFile, registry: Registry): Fact[] {
  const syntax = file.edition === Edition.EDITION_PROTO3 ? "proto3" : Edition[file.edition];
  const facts: Fact[] = [[`file ${file.name}.proto`, `${syntax}, package ${file.proto.package}`]];
  for (const type of nestedTypes(file)) {
    if (type.kind === "service") facts.push(...serviceFacts(type, registry));
    if (type.kind === "message") facts.push(...messageFacts(type, registry));
    if (type.kind === "enum") facts.push(...enumFacts(type, registry));
    if (type.kind === "extension") {
      facts.push([`extension ${type.typeName}`, `${declaration(type)} of ${type.extendee.typeName}`]);
    }
  }
  return facts;
}

function serviceFacts(service: DescService, registry: Registry): Fact[] {
  const facts: Fact[] = [[`service ${service.typeName}`, `${service.file.name}.proto`]];
  facts.push(...optionFacts(ServiceOptionsSchema, service.proto.options, service.typeName, registry));
  for (const method of service.methods) {
    const name = `${service.typeName}.${method.name}`;
    const request = `${method.proto.clientStreaming ? "stream " : ""}${method.input.typeName}`;
    const response = `${method.proto.serverStreaming ? "stream " : ""}${method.output.typeName}`;
    facts.push([`rpc ${name}`, `(${request}) returns (${response})`]);
    facts.push(...optionFacts(MethodOptionsSchema, method.proto.options, name, registry));
  }
  return facts;
}

function messageFacts(message: DescMessage, registry: Registry): Fact[] {
  const facts: Fact[] = [[`message ${message.typeName}`, `${message.file.name}.proto`]];
  facts.push(...optionFacts(MessageOptionsSchema, message.proto.options, message.typeName, registry));
  for (const field of message.fields) {
    const name = `${message.typeName}.${field.name}`;
    facts.push([`field ${name}`, declaration(field)]);
    if (field.jsonName !== protoCamelCase(field.name)) facts.push([`JSON name of ${name}`, field.jsonName]);
    facts.push(...optionFacts(FieldOptionsSchema, field.proto.options, name, registry));
  }
  return facts;
}

function enumFacts(enumeration: DescEnum, registry: Registry): Fact[] {
  return [
    [`enum ${enumeration.typeName}`, `${enumeration.file.name}.proto`],
    ...optionFacts(EnumOptionsSchema, enumeration.proto.options, enumeration.typeName, registry),
    ...enumeration.values.map((value): Fact => [`enum value ${enumeration.typeName}.${value.name}`, `${value.number}`]),
  ];
}

// Which fields are secret is this project's own mark, so it is no part of the published contract.
function optionFacts<M extends Message>(
  schema: GenMessage<M>,
  options: M | undefined,
  name: string,
  registry: Registry,
): Fact[] {
  if (options === undefined) return [];
  const facts: Fact[] = [];
  for (const { no } of options.$unknown ?? []) {
    if (registry.getExtensionFor(schema, no) === undefined) facts.push([`option ${no} of ${name}`, "not known"]);
  }
  const json = toJson(schema, options, { registry, useProtoFieldName: true });
  for (const [option, value] of Object.entries(isObject(json) ? json : {})) {
    if (option === "debug_redact") continue;
    if (option === "[buf.validate.field]") facts.push([`rules of ${name}`, ruleText(flatRules(value))]);
    else facts.push([`option ${option.replace(/^\[api\.v1\.(.*)\]$/, "$1")} of ${name}`, valueText(value)]);
  }
  return facts;
}

/** A field as the contract declares it: "optional string = 3", "map<string, api.v1.Asset> = 1". */
function declaration(field: DescField | DescExtension): string {
  return `${label(field)}${typeName(field)} = ${field.number}`;
}

function label(field: DescField | DescExtension): string {
  if (field.oneof !== undefined) return `oneof ${field.oneof.name} `;
  if (field.fieldKind === "list") return "repeated ";
  return field.proto.proto3Optional ? "optional " : "";
}

function typeName(field: DescField | DescExtension): string {
  const type = field.message?.typeName ?? field.enum?.typeName ?? scalarName(field.scalar);
  return field.fieldKind === "map" ? `map<${scalarName(field.mapKey)}, ${type}>` : type;
}

function scalarName(scalar: ScalarType | undefined): string {
  return scalar === undefined ? "unknown" : (ScalarType[scalar] ?? "unknown").toLowerCase();
}

// An exact length is published as two equal bounds; a single CEL rule without its list.
function flatRules(rules: JsonValue): Map<string, unknown> {
  const flat = new Map(flatten("", rules));
  for (const [name, value] of flat) {
    if (!name.endsWith("string.len")) continue;
    flat.delete(name);
    flat.set(name.replace(/len$/, "min_len"), value).set(name.replace(/len$/, "max_len"), value);
  }
  return flat;
}

function flatten(path: string, value: JsonValue): [string, unknown][] {
  if (Array.isArray(value) && value.length === 1 && isObject(value[0])) return flatten(path, value[0]);
  if (!isObject(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => flatten(path === "" ? name : `${path}.${name}`, inner));
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueText(value: JsonValue): string {
  return Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}
