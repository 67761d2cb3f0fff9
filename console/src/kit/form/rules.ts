import { type DescEnum, type DescField, type DescOneof, getOption, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldRules,
  Ignore,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Choice, wordsOf } from "./layout.js";

/** What the rules of a field say about how to enter it. */
export interface Entry {
  readonly required: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly maxItems?: number;
  readonly choices?: readonly Choice[];
  /** The field holds a secret: it is not shown, and never kept. */
  readonly secret: boolean;
}

/** Reads the rules of a field. */
export function entryOf(field: DescField): Entry {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  const choices = choicesOf(field, rules);
  return {
    required: isRequired(field, rules),
    secret: field.proto.options?.debugRedact === true,
    ...boundsOf(rules),
    ...(rules?.type.case === "repeated" && rules.type.value.maxItems > 0n
      ? { maxItems: Number(rules.type.value.maxItems) }
      : {}),
    ...(choices === undefined ? {} : { choices }),
  };
}

/** Whether one member of a oneof must be chosen. */
export function oneofRequired(oneof: DescOneof): boolean {
  return hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;
}

function isRequired(field: DescField, rules: FieldRules | undefined): boolean {
  if (rules === undefined) return false;
  if (rules.required) return true;
  // Where a field knows whether it is set, its rules hold only when it is.
  if (rules.ignore !== Ignore.UNSPECIFIED || field.presence === FeatureSet_FieldPresence.EXPLICIT) return false;
  const { type } = rules;
  if (type.case === "string") return Number(type.value.minLen) > 0 || type.value.wellKnown.value === true;
  if (type.case === "repeated") return Number(type.value.minItems) > 0;
  return false;
}

/** The least and the greatest value; an open bound of a whole number is the next one. */
function boundsOf(rules: FieldRules | undefined): Pick<Entry, "min" | "max"> {
  const value: unknown = rules?.type.value;
  if (typeof value !== "object" || value === null || !("greaterThan" in value) || !("lessThan" in value)) return {};
  const low = value.greaterThan as { case?: string; value?: unknown };
  const high = value.lessThan as { case?: string; value?: unknown };
  const number = (bound: { value?: unknown }, step: number) =>
    typeof bound.value === "number" || typeof bound.value === "bigint" ? Number(bound.value) + step : undefined;
  const min = number(low, low.case === "gt" ? 1 : 0);
  const max = number(high, high.case === "lt" ? -1 : 0);
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

function choicesOf(field: DescField, rules: FieldRules | undefined): readonly Choice[] | undefined {
  if (field.enum !== undefined) {
    const banned = rules?.type.case === "enum" ? rules.type.value.notIn : [];
    return enumChoices(field.enum).filter(({ number }) => !banned.includes(number));
  }
  if (rules?.type.case === "string" && rules.type.value.in.length > 0)
    return rules.type.value.in.map((value) => ({ value, label: value }));
  return undefined;
}

/** The values of an enum with words of their names; the zero value is what a field has when nothing is chosen. */
export function enumChoices(desc: DescEnum): (Choice & { readonly number: number })[] {
  return desc.values
    .filter(({ number }) => number !== 0)
    .map(({ name, number }) => ({ value: name, label: wordsOf(name, desc.sharedPrefix?.toUpperCase()), number }));
}

/** The words for a value of an enum, such as "Stateful" for PROCESS_KIND_STATEFUL. */
export function enumText(desc: DescEnum, number: number): string {
  const value = desc.value[number];
  return value === undefined ? String(number) : wordsOf(value.name, desc.sharedPrefix?.toUpperCase());
}
