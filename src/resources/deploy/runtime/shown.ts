import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { ResourceType } from "../../../kube/objects.js";
import { holdsConfiguration } from "../engine/hidden.js";
import type { LiveObject } from "../engine/standing-facts.js";

/** What kubectl keeps of what was applied, values of Secrets too. */
const appliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** Fields with the values of Secrets and ConfigMaps. */
const valueFields: ReadonlySet<string> = new Set(["data", "binaryData", "stringData"]);

/** An object as it may be shown: without managed fields, and of Secrets and ConfigMaps the keys without their values. */
export function shownContent({ group, kind }: ResourceType, object: LiveObject): JsonObject {
  const isHolder = group === "" && holdsConfiguration(kind);
  const whole: JsonObject = JSON.parse(JSON.stringify(object));
  const { managedFields: _, annotations, ...metadata } = fieldsIn(whole.metadata);
  const { [appliedAnnotation]: _applied, ...kept } = fieldsIn(annotations);
  const shown = { ...whole, metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations: kept }) } };
  if (!isHolder) return shown;
  return Object.fromEntries(
    Object.entries(shown).map(([field, value]) => [field, valueFields.has(field) ? withoutValues(value) : value]),
  );
}

const fieldsIn = (value: JsonValue | undefined): JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};

function withoutValues(value: JsonValue): JsonObject {
  return Object.fromEntries(Object.keys(fieldsIn(value)).map((key) => [key, ""]));
}
