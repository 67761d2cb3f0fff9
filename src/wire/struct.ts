import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

type Fields = Record<string, unknown>;

/** Whether a value is what fields of type google.protobuf.Struct hold. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The google.protobuf.Struct of a JSON object. */
export function structOf(json: JsonObject): Fields {
  const fields: Fields = {};
  for (const [name, value] of Object.entries(json)) fields[name] = valueFrom(value);
  return { $typeName: "google.protobuf.Struct", fields };
}

function valueFrom(json: JsonValue | undefined): Fields {
  return { $typeName: "google.protobuf.Value", kind: kindOf(json) };
}

/** What is no JSON is a value of no kind, as in the library. */
function kindOf(json: JsonValue | undefined): Fields {
  switch (typeof json) {
    case "number":
      return { case: "numberValue", value: json };
    case "string":
      return { case: "stringValue", value: json };
    case "boolean":
      return { case: "boolValue", value: json };
    case "object":
      if (json === null) return { case: "nullValue", value: 0 };
      if (!Array.isArray(json)) return { case: "structValue", value: structOf(json) };
      return { case: "listValue", value: { $typeName: "google.protobuf.ListValue", values: json.map(valueFrom) } };
    default:
      return { case: undefined };
  }
}
