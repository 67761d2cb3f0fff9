import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { laidDown } from "./example-values.js";
import { ruleKeywords } from "./rules.js";
import type { Direction } from "./schemas.js";

const validator = createValidator();

/** What is tried where a rule demands a text, and none is laid down that keeps it. */
const texts: readonly string[] = [
  "0195c0de-9000-7000-8000-000000000009",
  "example",
  "example.com",
  "ada@example.com",
  "https://example.com",
  "203.0.113.7",
  "203.0.113.0/24",
  "1.33.5",
  "1",
  "1Gi",
  "/example",
  "EXAMPLE",
  "example.com/team",
  "2026-03",
];

/** What stands in the place of secrets; the long ones are for fields that count characters. */
const secretTexts: readonly string[] = ["(secret)", "x".repeat(32), "x".repeat(43)];

/** How deep messages in messages are shown. */
const mostDepth: Readonly<Record<Direction, number>> = { input: 3, output: 2 };

/** How often what breaks the rules is mended before that is given up. */
const mostRounds = 8;

/**
 * An example of a message in JSON. One that is sent keeps the rules; one that is answered is as full as
 * answers are, to a certain depth. The same contract always has the same examples.
 */
export function exampleOf(desc: DescMessage, direction: Direction, depth = 0): JsonObject {
  const example: JsonObject = {};
  for (const field of shownFields(desc)) {
    const value = fieldExample(field, direction, depth);
    if (value !== undefined) example[field.jsonName] = value;
  }
  return direction === "input" ? mended(desc, example, depth) : example;
}

/** Without what is outdated, and with one field of each oneof: the first. */
function shownFields(desc: DescMessage): DescField[] {
  return desc.fields.filter(
    (field) => !field.deprecated && (field.oneof === undefined || field.oneof.fields[0] === field),
  );
}

/** What the example has in a field by itself; undefined where it does without. */
function fieldExample(field: DescField, direction: Direction, depth: number): JsonValue | undefined {
  if (field.fieldKind === "list" || field.fieldKind === "map") {
    const entry = singleOf(field, direction, depth);
    if (entry === undefined) return undefined;
    return field.fieldKind === "list" ? [entry] : { [mapKeyOf(field)]: entry };
  }
  return singleOf(field, direction, depth);
}

function mapKeyOf(field: DescField & { fieldKind: "map" }): string {
  if (field.mapKey !== ScalarType.STRING) return "1";
  return field.message === undefined && field.scalar !== ScalarType.STRING ? "web" : "team";
}

function singleOf(field: DescField, direction: Direction, depth: number): JsonValue | undefined {
  if (isSecret(field)) return direction === "output" ? secretOf(field) : undefined;
  if (field.message !== undefined) return messageValue(field, field.message, direction, depth);
  const said = laidDown(field.parent.name, field.name);
  if (field.enum !== undefined) return enumValue(field.enum, said, direction);
  return said !== undefined && fits(field.scalar, said) ? said : undefined;
}

function messageValue(field: DescField, desc: DescMessage, direction: Direction, depth: number) {
  const known = wellKnown(field, desc, direction);
  if (known !== undefined || desc.typeName.startsWith("google.protobuf.")) return known;
  if (depth >= mostDepth[direction]) return undefined;
  const example = exampleOf(desc, direction, depth + 1);
  return Object.keys(example).length > 0 ? example : undefined;
}

/** Times that rise from when something was made to when it ends. */
function wellKnown(field: DescField, desc: DescMessage, direction: Direction): JsonValue | undefined {
  const { name } = field;
  if (desc.typeName === "google.protobuf.Duration") return laidDown(field.parent.name, name);
  if (desc.typeName !== "google.protobuf.Timestamp") return undefined;
  if (name === "deleted_at" || (direction === "input" && /execute_at|since|to$/.test(name))) return undefined;
  if (/expire|not_after|redeem_by|due/.test(name)) return "2027-03-01T09:00:00Z";
  return /updated|finished|last_|_end|until|activated/.test(name) ? "2026-03-02T09:30:00Z" : "2026-03-01T09:00:00Z";
}

const goodValue = /_(ACTIVE|READY|HEALTHY|SUCCEEDED|IDLE|CONNECTED|OPERATIONAL|BOUND|OWNER)$/;

/** An enum by what is laid down; in answers also its value for when all is well, or the first that says something. */
function enumValue(desc: DescEnum, said: JsonValue | undefined, direction: Direction): string | undefined {
  const known = desc.values.find(({ name }) => name === said);
  if (known !== undefined || direction === "input") return known?.name;
  return (desc.values.find(({ name }) => goodValue.test(name)) ?? desc.values.find(({ number }) => number !== 0))?.name;
}

function fits(scalar: ScalarType | undefined, value: JsonValue): boolean {
  if (scalar === ScalarType.BOOL) return typeof value === "boolean";
  if (scalar === ScalarType.STRING) return typeof value === "string";
  if (scalar === ScalarType.BYTES || scalar === undefined) return false;
  const isLong = scalar === ScalarType.INT64 || scalar === ScalarType.UINT64;
  return isLong ? typeof value === "string" && /^\d+$/.test(value) : typeof value === "number";
}

/** Whether logs and audit records leave the field out. */
function isSecret({ proto }: DescField): boolean {
  return proto.options?.debugRedact === true;
}

function secretOf(field: DescField): JsonValue | undefined {
  if (field.scalar === ScalarType.STRING) return secretTexts[0];
  return field.scalar === ScalarType.BYTES ? base64("(secret)") : undefined;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Adds what the rules demand, and takes away what breaks them. */
function mended(desc: DescMessage, example: JsonObject, depth: number): JsonObject {
  let now = example;
  for (let round = 0; round < mostRounds; round += 1) {
    const broken = brokenFields(desc, now);
    if (broken.length === 0 && violations(desc, now).length === 0) return now;
    // A rule that names no field is about the whole: what came last goes first.
    const whole =
      broken.length === 0
        ? shownFields(desc)
            .filter(({ jsonName }) => jsonName in now)
            .at(-1)
        : undefined;
    if (whole !== undefined) now = without(now, whole);
    for (const field of broken) now = withCandidate(desc, now, field, depth);
  }
  throw new Error(
    `no example of ${desc.typeName} keeps its rules: ${violations(desc, now).join("; ")} in ${JSON.stringify(now)}`,
  );
}

function withCandidate(desc: DescMessage, example: JsonObject, field: DescField, depth: number): JsonObject {
  for (const candidate of candidatesOf(field, depth)) {
    const tried = { ...example, [field.jsonName]: candidate };
    if (!brokenFields(desc, tried).includes(field)) return tried;
  }
  return without(example, field);
}

function without(example: JsonObject, { jsonName }: DescField): JsonObject {
  return Object.fromEntries(Object.entries(example).filter(([name]) => name !== jsonName));
}

/** What may stand in a field of which nothing fitting is laid down. */
function candidatesOf(field: DescField, depth: number): JsonValue[] {
  const singles = singleCandidates(field, depth);
  if (field.fieldKind === "list") return singles.map((one) => [one]);
  return field.fieldKind === "map" ? singles.map((one) => ({ example: one })) : singles;
}

function singleCandidates(field: DescField, depth: number): JsonValue[] {
  if (field.message?.typeName === "google.protobuf.Timestamp") return ["2026-03-01T09:00:00Z", "2027-03-01T09:00:00Z"];
  if (field.message?.typeName === "google.protobuf.Duration") return ["3600s", "60s", "86400s"];
  if (field.message !== undefined) return [exampleOf(field.message, "input", depth + 1)];
  if (field.enum !== undefined) return field.enum.values.filter(({ number }) => number !== 0).map(({ name }) => name);
  if (field.scalar === ScalarType.BYTES) return [base64(isSecret(field) ? "(secret)" : "example")];
  if (field.scalar === ScalarType.BOOL) return [true];
  if (field.scalar !== ScalarType.STRING) return numberCandidates(field);
  const { keywords } = ruleKeywords(field);
  const choices = Array.isArray(keywords.enum) ? keywords.enum : [];
  return [...choices, ...(isSecret(field) ? secretTexts : texts)];
}

function numberCandidates(field: DescField): JsonValue[] {
  const { minimum } = ruleKeywords(field).keywords;
  const numbers = [1, 10, 80, ...(typeof minimum === "number" ? [minimum] : [])];
  const isLong = field.scalar === ScalarType.INT64 || field.scalar === ScalarType.UINT64;
  return isLong ? numbers.map(String) : numbers;
}

function violations(desc: DescMessage, example: JsonObject) {
  const result = validator.validate(desc, fromJson(desc, example));
  if (result.kind === "error") throw result.error;
  return result.violations ?? [];
}

/** The fields that break the rules; of a oneof of which nothing is set, the first one. */
function brokenFields(desc: DescMessage, example: JsonObject): DescField[] {
  const paths = violations(desc, example).map(({ field }) => field[0]);
  const fields = paths.flatMap((first) => {
    if (typeof first !== "object" || !("kind" in first)) return [];
    if (first.kind === "field") return [first];
    return first.kind === "oneof" ? first.fields.slice(0, 1) : [];
  });
  return [...new Set(fields)];
}
