import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** A value in a form: as JSON of Protobuf has it, by proto names; what is typed stays text until it is sent. */
export type Draft = string | number | boolean | null | readonly Draft[] | DraftObject;

/** A message in a form. */
export interface DraftObject {
  readonly [field: string]: Draft;
}

/** An entry of a map in a form: keys may be empty or double while they are typed. */
export interface DraftEntry extends DraftObject {
  readonly key: string;
  readonly value: Draft;
}

/** The way to a value in a form. */
export type Path = readonly (string | number)[];

/** Something that is wrong, by the path of its field. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** A path as violations write it: `workers[0].machine_type`. */
export function pathText(path: Path): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

/** Whether a value of a form has fields. */
export function isObject(value: Draft | undefined): value is DraftObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path; undefined where there is none. */
export function getAt(draft: Draft | undefined, path: Path): Draft | undefined {
  let at: Draft | undefined = draft;
  for (const step of path) {
    if (typeof step === "number") at = Array.isArray(at) ? (at as readonly Draft[])[step] : undefined;
    else at = isObject(at) ? at[step] : undefined;
  }
  return at;
}

/** A copy with another value at a path; undefined removes it. Messages on the way are made. */
export function setAt(draft: Draft | undefined, path: Path, value: Draft | undefined): Draft | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === "number") {
    const items: Draft[] = Array.isArray(draft) ? [...draft] : [];
    const next = setAt(items[step], rest, value);
    if (next === undefined) items.splice(step, 1);
    else items[step] = next;
    return items;
  }
  const { [step]: before, ...others } = isObject(draft) ? draft : {};
  const next = setAt(before, rest, value);
  return next === undefined ? others : { ...others, [step]: next };
}

/** JSON of a message, by proto names, as a form holds it: maps become lists of entries. */
export function toDraft(desc: DescMessage, json: unknown): DraftObject {
  const draft: Record<string, Draft> = {};
  for (const field of desc.fields) {
    const value = (json as Record<string, Draft | undefined>)[field.name];
    if (value !== undefined) draft[field.name] = toValue(field, value);
  }
  return draft;
}

function toValue(field: DescField, value: Draft): Draft {
  const inner = nested(field);
  if (field.fieldKind === "map") {
    return Object.entries(value as DraftObject).map(([key, each]) => ({
      key,
      value: inner === undefined ? toText(field, each) : toDraft(inner, each),
    }));
  }
  if (inner === undefined) return Array.isArray(value) ? value : toText(field, value);
  return field.fieldKind === "list"
    ? (value as readonly Draft[]).map((each) => toDraft(inner, each))
    : toDraft(inner, value);
}

/** Bytes are typed as the text that they are. */
function toText(field: DescField, value: Draft): Draft {
  if (field.scalar !== ScalarType.BYTES || typeof value !== "string") return value;
  return new TextDecoder().decode(base64Decode(value));
}

/** The JSON of a form, for `fromJson`; what cannot be read is left out, and told in `problems`. */
export function toMessageJson(
  desc: DescMessage,
  draft: DraftObject,
  problems: FieldProblem[],
  at: Path = [],
): Record<string, Draft> {
  const json: Record<string, Draft> = {};
  for (const field of desc.fields) {
    const value = draft[field.name];
    if (value === undefined || value === null) continue;
    const here = [...at, field.name];
    const read = fieldJson(field, value, problems, here);
    if (read !== undefined) json[field.name] = read;
  }
  return json;
}

function fieldJson(field: DescField, value: Draft, problems: FieldProblem[], at: Path): Draft | undefined {
  const inner = nested(field);
  const read = (each: Draft, path: Path): Draft | undefined =>
    inner === undefined ? leaf(field, each, problems, path) : toMessageJson(inner, each as DraftObject, problems, path);
  if (field.fieldKind === "list") {
    const items = (value as readonly Draft[]).map((each, i) => read(each, [...at, i]));
    return items.filter((each) => each !== undefined);
  }
  if (field.fieldKind === "map") {
    const json: Record<string, Draft> = {};
    for (const [i, { key, value: each }] of (value as readonly DraftEntry[]).entries()) {
      if (key === "" && each === "") continue;
      if (key in json) problems.push({ field: pathText([...at, i]), message: `"${key}" is there twice` });
      json[key] = read(each, [...at, i]) ?? "";
    }
    return json;
  }
  const one = read(value, at);
  // A message in which nothing is set is not set itself, unless its presence is the choice of a oneof.
  if (inner !== undefined && isObject(one) && Object.keys(one).length === 0 && field.oneof === undefined)
    return undefined;
  return one;
}

const integers = new Set<ScalarType>([
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.SINT32,
  ScalarType.FIXED32,
  ScalarType.SFIXED32,
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

/** Whether a field holds whole numbers. */
export function isInteger(field: DescField): boolean {
  return field.scalar !== undefined && integers.has(field.scalar);
}

/** Whether a field holds numbers. */
export function isNumber(field: DescField): boolean {
  return isInteger(field) || field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT;
}

function leaf(field: DescField, value: Draft, problems: FieldProblem[], at: Path): Draft | undefined {
  if (typeof value !== "string") return value;
  const text = value.trim();
  // Where a field knows whether it is set, an empty box means that it is not.
  const mayBeEmpty = field.scalar === ScalarType.STRING && field.presence === FeatureSet_FieldPresence.IMPLICIT;
  if (text === "" && !mayBeEmpty) return undefined;
  if (field.scalar === ScalarType.BYTES) return base64Encode(new TextEncoder().encode(value));
  const wrong = (message: string) => {
    problems.push({ field: pathText(at), message });
    return undefined;
  };
  if (isInteger(field)) return /^-?\d+$/.test(text) ? text : wrong("must be a whole number");
  if (isNumber(field)) return Number.isFinite(Number(text)) ? text : wrong("must be a number");
  if (field.message?.typeName === "google.protobuf.Duration")
    return /^-?\d+(\.\d{1,9})?s$/.test(text) ? text : wrong("must be a length of time");
  if (field.message?.typeName === "google.protobuf.Timestamp")
    return Number.isNaN(Date.parse(text)) ? wrong("must be a date and time") : text;
  if (field.message?.typeName === "google.protobuf.Struct") return structOf(text) ?? wrong("must be an object in JSON");
  return value;
}

function structOf(text: string): DraftObject | undefined {
  try {
    const parsed = JSON.parse(text) as Draft;
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The message in a field, where it is one with fields of its own in the form. */
export function nested(field: DescField): DescMessage | undefined {
  const message = field.message;
  return message?.typeName.startsWith("google.protobuf.") ? undefined : message;
}
