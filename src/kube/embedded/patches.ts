import jsonPatch, { type Operation } from "fast-json-patch";
import { isFields } from "./fields.js";
import type { ServedType } from "./served-type.js";
import { badRequest, invalid, StatusError, unsupportedMediaType } from "./status-error.js";
import { strategicMerge } from "./strategic-merge.js";
import type { Fields, KubeObject } from "./types.js";

/** Media types of patches. */
export const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

const mostOperations = 10_000;
const largestResult = 3 * 1024 * 1024;

/** The object that a json, merge or strategic merge patch makes of another; 415 for a patch that the type does not know. */
export function patched(type: ServedType, object: KubeObject, patch: unknown, mediaType: string): Fields {
  if (mediaType === patchTypes.json) return jsonPatched(type, object, patch);
  if (!isFields(patch)) throw badRequest("the patch must be an object");
  if (mediaType === patchTypes.merge) return mergePatched(object, patch) as Fields;
  if (mediaType === patchTypes.strategic && type.origin !== "custom") return strategicMerge(type, object, patch);
  throw unsupportedPatch(type);
}

/** The refusal of a patch in an unknown format. */
export function unsupportedPatch(type: ServedType): StatusError {
  const { strategic, ...others } = patchTypes;
  return unsupportedMediaType(type.origin === "custom" ? Object.values(others) : [...Object.values(others), strategic]);
}

function jsonPatched(type: ServedType, object: KubeObject, operations: unknown): Fields {
  if (!Array.isArray(operations)) throw badRequest("a JSON patch must be a list of operations");
  if (operations.length > mostOperations) {
    throw new StatusError(413, "RequestEntityTooLarge", `a JSON patch has at most ${mostOperations} operations`);
  }
  let document: unknown = structuredClone(object);
  operations.forEach((operation: Operation, index) => {
    try {
      document = jsonPatch.applyOperation(document, operation, true, true, true, index).newDocument;
    } catch (error) {
      throw failedOperation(type, object, index, error);
    }
    if (!isFields(document)) throw failedOperation(type, object, index, "the result is no object");
    // Copying a part into itself doubles it each time.
    if (operation.op === "copy" && JSON.stringify(document).length > largestResult) {
      throw new StatusError(413, "RequestEntityTooLarge", "the patched object is too large");
    }
  });
  return document as Fields;
}

function failedOperation(type: ServedType, object: KubeObject, index: number, error: unknown): StatusError {
  const [why] = (error instanceof Error ? error.message : String(error)).split("\n");
  const cause = { reason: "FieldValueInvalid", message: `operation ${index}: ${why}`, field: "patch" };
  return invalid(type.group, type.kind, object.metadata.name, [cause]);
}

/** RFC 7396: null removes, maps are merged, everything else replaces. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatched(result[key], value);
  }
  return result;
}
