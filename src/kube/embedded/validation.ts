import { asText, isFields } from "./fields.js";
import { apiVersionOf } from "./lifecycle.js";
import { isLabelValue, isQualifiedName } from "./selectors.js";
import type { ServedType } from "./served-type.js";
import { badRequest, invalid, type StatusCause } from "./status-error.js";
import type { Fields, NewObject, OwnerReference } from "./types.js";

const labelRule = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const subdomainRule = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const pathSegmentRule = /^(?!\.{1,2}$)[^/%]+$/;

/** Whether a text may name a namespace. */
export function isNamespaceName(name: string): boolean {
  return labelRule.test(name);
}

/** Takes a request body as an object of a type; 400 when it is none or says another kind or version. */
export function checkBody(type: ServedType, body: Fields): NewObject {
  const expected = { apiVersion: apiVersionOf(type), kind: type.kind };
  for (const field of ["apiVersion", "kind"] as const) {
    if (body[field] === undefined || body[field] === "" || body[field] === expected[field]) continue;
    const message = `the object provided is unrecognized: ${field} is ${JSON.stringify(body[field])}, expected ${JSON.stringify(expected[field])}`;
    throw badRequest(message);
  }
  const metadata = body.metadata ?? {};
  if (typeof metadata !== "object" || Array.isArray(metadata)) throw badRequest("metadata must be an object");
  checkMetadataTypes(metadata as Fields);
  return { ...body, ...expected, metadata: { ...metadata } };
}

function checkMetadataTypes(metadata: Fields): void {
  for (const field of ["name", "namespace", "generateName", "uid", "resourceVersion"]) {
    if (metadata[field] === null) delete metadata[field];
    const value = metadata[field];
    if (value !== undefined && typeof value !== "string") throw badRequest(`metadata.${field} must be a string`);
  }
  for (const field of ["labels", "annotations"]) {
    const value = metadata[field];
    if (value === null) delete metadata[field];
    else if (value !== undefined && !isTextMap(value)) {
      throw badRequest(`metadata.${field} must be a map of strings to strings`);
    }
  }
  for (const field of ["finalizers", "ownerReferences", "managedFields"]) {
    const value = metadata[field];
    if (value === null) delete metadata[field];
    else if (value !== undefined && !Array.isArray(value)) throw badRequest(`metadata.${field} must be a list`);
  }
  for (const field of ["ownerReferences", "managedFields"]) {
    const entries = metadata[field];
    if (Array.isArray(entries) && !entries.every(isFields)) throw badRequest(`metadata.${field} must list objects`);
  }
}

function isTextMap(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((entry) => typeof entry === "string");
}

/** Throws a 422 that names every rule of metadata that an object breaks. */
export function checkMetadata(type: ServedType, object: NewObject): void {
  const { metadata } = object;
  const causes = [
    ...nameFaults(type, metadata.name ?? "", metadata.generateName),
    ...keyFaults("metadata.labels", metadata.labels ?? {}),
    ...keyFaults("metadata.annotations", metadata.annotations ?? {}),
    ...labelValueFaults(metadata.labels ?? {}),
    ...listFaults(metadata),
    ...kindFaults(type, object),
  ];
  if (causes.length > 0) throw invalid(type.group, type.kind, metadata.name ?? "", causes);
}

function nameFaults(type: ServedType, name: string, generateName: string | undefined): StatusCause[] {
  const field = "metadata.name";
  if (!name && !generateName) {
    return [{ reason: "FieldValueRequired", message: "Required value: name or generateName is required", field }];
  }
  if (!name || nameRuleOf(type)(name)) return [];
  const message = `Invalid value: ${JSON.stringify(name)}: not a name that objects of this kind may have (lower case letters, digits, '-' and '.', beginning and ending with a letter or digit)`;
  return [{ reason: "FieldValueInvalid", message, field }];
}

function nameRuleOf(type: ServedType): (name: string) => boolean {
  if (type.group === "rbac.authorization.k8s.io") return (name) => pathSegmentRule.test(name);
  if (type.group === "" && ["namespaces", "services"].includes(type.resource)) return isNamespaceName;
  return (name) => name.length <= 253 && subdomainRule.test(name);
}

function keyFaults(field: string, map: Readonly<Record<string, string>>): StatusCause[] {
  const wrong = Object.keys(map).filter((key) => !isQualifiedName(field.endsWith("labels") ? key : key.toLowerCase()));
  return wrong.map((key) => {
    const message = `Invalid value: ${JSON.stringify(key)}: not a qualified name such as 'MyName' or 'example.com/MyName'`;
    return { reason: "FieldValueInvalid", message, field };
  });
}

function labelValueFaults(labels: Readonly<Record<string, string>>): StatusCause[] {
  const wrong = Object.values(labels).filter((value) => !isLabelValue(value));
  return wrong.map((value) => {
    const message = `Invalid value: ${JSON.stringify(value)}: a label value has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or digit`;
    return { reason: "FieldValueInvalid", message, field: "metadata.labels" };
  });
}

function listFaults(metadata: NewObject["metadata"]): StatusCause[] {
  const finalizers = (metadata.finalizers ?? []).filter(
    (entry) => typeof entry !== "string" || !isQualifiedName(entry),
  );
  const owners = (metadata.ownerReferences ?? []).filter((owner) => !isOwner(owner));
  return [
    ...finalizers.map((entry) => ({
      reason: "FieldValueInvalid",
      message: `Invalid value: ${JSON.stringify(entry)}: not a qualified name`,
      field: "metadata.finalizers",
    })),
    ...owners.map(() => ({
      reason: "FieldValueRequired",
      message: "Required value: apiVersion, kind, name and uid are required",
      field: "metadata.ownerReferences",
    })),
  ];
}

function isOwner({ apiVersion, kind, name, uid }: OwnerReference): boolean {
  return [apiVersion, kind, name, uid].every((text) => typeof text === "string" && text !== "");
}

function kindFaults(type: ServedType, object: NewObject): StatusCause[] {
  if (type.group !== "apiextensions.k8s.io" || type.resource !== "customresourcedefinitions") return [];
  const spec = object.spec ?? {};
  const names = (spec.names ?? {}) as Fields;
  const versions = Array.isArray(spec.versions) ? (spec.versions as Fields[]) : [];
  const rules: [boolean, string, string][] = [
    [typeof spec.group === "string" && subdomainRule.test(spec.group), "spec.group", "must be a DNS subdomain"],
    [typeof names.plural === "string" && labelRule.test(names.plural), "spec.names.plural", "must be a DNS label"],
    [typeof names.kind === "string" && names.kind !== "", "spec.names.kind", "is required"],
    [spec.scope === "Namespaced" || spec.scope === "Cluster", "spec.scope", "must be Namespaced or Cluster"],
    [
      versions.filter((version) => version?.storage === true).length === 1,
      "spec.versions",
      "must have exactly one version marked as storage version",
    ],
    [versions.every((version) => labelRule.test(asText(version?.name))), "spec.versions", "must have valid names"],
    [
      object.metadata.name === `${asText(names.plural)}.${asText(spec.group)}`,
      "metadata.name",
      'must be spec.names.plural+"."+spec.group',
    ],
  ];
  return rules
    .filter(([holds]) => !holds)
    .map(([, field, rule]) => ({ reason: "FieldValueInvalid", message: `Invalid value: ${rule}`, field }));
}
