import { stringify } from "yaml";
import { isRecord } from "../../../record.js";
import { fieldsOf, textOf } from "./standing-facts.js";

/** A value that is not shown: two of them can be compared, and as JSON it is empty. */
export class Hidden {
  constructor(readonly value: unknown) {}
  toJSON(): string {
    return "";
  }
}

/** What the server fills in or keeps for itself. */
const keptMetadata: ReadonlySet<string> = new Set([
  "managedFields",
  "resourceVersion",
  "generation",
  "uid",
  "creationTimestamp",
  "selfLink",
]);
const keptAnnotations: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deployment.kubernetes.io/revision",
]);
const ownFacts = /^(PORT|SLIPWAY_[A-Z]+)$/;

/** Whether what objects of a kind hold is configuration, which is shown only where it is asked for. */
export const holdsConfiguration = (kind: string): boolean => kind === "Secret" || kind === "ConfigMap";

/** An object as people may see it: what the server keeps is left out, and what is secret is `Hidden`. */
export function shown(kind: string, object: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { status: _, metadata, ...rest } = object;
  const own = { ...rest, metadata: shownMetadata(fieldsOf(metadata)) };
  if (holdsConfiguration(kind)) return withoutData(own);
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [key, withoutEnv(value)]));
}

/** What an object is in YAML; values that are hidden are empty. */
export const yamlOf = (object: unknown): string => stringify(JSON.parse(JSON.stringify(object)), { lineWidth: 0 });

function shownMetadata(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const kept = Object.entries(metadata).filter(([key]) => !keptMetadata.has(key));
  const { annotations, ...rest } = Object.fromEntries(kept);
  const told = Object.entries(fieldsOf(annotations)).filter(([key]) => !keptAnnotations.has(key));
  return told.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(told) };
}

/** Files of a configuration are no more to be shown than its values. */
function withoutData(object: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const parts = ["data", "stringData", "binaryData"].flatMap((part) => {
    const values = Object.entries(fieldsOf(object[part]));
    return isRecord(object[part])
      ? [[part, Object.fromEntries(values.map(([key, value]) => [key, new Hidden(value)]))]]
      : [];
  });
  return { ...object, ...Object.fromEntries(parts) };
}

/** Others may have written anything into the variables of containers. */
function withoutEnv(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEnv);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === "env" && Array.isArray(each) ? each.map(hiddenVariable) : withoutEnv(each),
    ]),
  );
}

function hiddenVariable(variable: unknown): unknown {
  if (!isRecord(variable) || !("value" in variable) || ownFacts.test(textOf(variable.name))) return variable;
  return { ...variable, value: new Hidden(variable.value) };
}
