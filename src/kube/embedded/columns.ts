import type { Column } from "./extension.js";

/** A column of `kubectl get`; a text unless another type is given. */
export function column(name: string, jsonPath: string, type: Column["type"] = "string"): Column {
  return { name, type, jsonPath };
}
