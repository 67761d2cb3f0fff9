import { StatusError } from "./status-error.js";

/** One media type that a caller accepts, with its parameters. */
export interface Accepted {
  readonly type: string;
  readonly as: string;
  readonly group: string;
  readonly version: string;
}

/** Reads an Accept header in the caller's order, which Kubernetes clients use instead of weights. */
export function parseAccept(header: string | undefined): Accepted[] {
  return (header || "application/json").split(",").map((entry) => {
    const [type = "", ...parameters] = entry.split(";").map((part) => part.trim());
    const values = new Map(parameters.map((part) => part.split("=", 2) as [string, string | undefined]));
    const get = (name: string) => values.get(name) ?? "";
    return { type: type.toLowerCase(), as: get("as"), group: get("g"), version: get("v") };
  });
}

/** The form in which a caller wants objects. */
export interface ObjectForm {
  readonly yaml: boolean;
  readonly as: "" | "Table" | "PartialObjectMetadata";
}

/** Chooses the first form that the caller accepts and this server writes; 406 when there is none. */
export function objectForm(header: string | undefined): ObjectForm {
  for (const { type, as, group, version } of parseAccept(header)) {
    const yaml = type === "application/yaml";
    if (!yaml && !["application/json", "application/*", "*/*"].includes(type)) continue;
    if (as === "") return { yaml, as };
    if (group !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) continue;
    if (as === "Table") return { yaml, as };
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") {
      return { yaml, as: "PartialObjectMetadata" };
    }
  }
  const message = "only the following media types are accepted: application/json, application/yaml";
  throw new StatusError(406, "NotAcceptable", message);
}
