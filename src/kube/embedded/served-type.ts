import type { ResourceType } from "./extension.js";

/** A type with what only definitions of custom resources say about it. */
export interface ServedType extends ResourceType {
  /** Where it comes from: upstream, an extension, or a CustomResourceDefinition. */
  readonly origin: "builtin" | "extension" | "custom";
  /** Field selectors besides name and namespace. */
  readonly fieldLabels?: readonly string[];
}
