import { createHash } from "node:crypto";
import type { Reply } from "./call.js";
import { asFields } from "./fields.js";
import { apiVersionOf } from "./lifecycle.js";
import type { Registry } from "./registry.js";
import type { ServedType } from "./served-type.js";
import { noSuchPath } from "./status-error.js";
import type { Fields } from "./types.js";

const metaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const anyFields = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const info = { title: "Slipway embedded Kubernetes", version: "v1.32.0" };

/** GET /openapi/v3: where the document of each group version is. */
export function openapiIndex(registry: Registry, prefix: string): Reply {
  const paths = groupVersions(registry).map((groupVersion) => {
    const path = documentPath(groupVersion);
    const hash = createHash("sha256")
      .update(JSON.stringify(documentOf(registry, groupVersion)))
      .digest("hex");
    return [path, { serverRelativeURL: `${prefix}/openapi/v3/${path}?hash=${hash.toUpperCase()}` }] as const;
  });
  return { code: 200, body: { paths: Object.fromEntries(paths) } };
}

/** GET /openapi/v3/api/v1 and /openapi/v3/apis/<group>/<version>. */
export function openapiGroup(registry: Registry, path: string): Reply {
  const groupVersion = groupVersions(registry).find((candidate) => documentPath(candidate) === path);
  if (!groupVersion) throw noSuchPath();
  return { code: 200, body: documentOf(registry, groupVersion) };
}

/** GET /openapi/v2, for clients from before v3. */
export function openapiV2(registry: Registry): Reply {
  const types = registry.types();
  const definitions = Object.fromEntries(types.map((type) => [schemaName(type), schemaOf(type, "#/definitions/")]));
  const parameters = parametersOf({ type: "string" });
  const body = {
    swagger: "2.0",
    info,
    paths: Object.fromEntries(types.flatMap((type) => pathsOf(type, parameters))),
    definitions: { [metaName]: metaSchema, ...definitions },
  };
  return { code: 200, body };
}

function groupVersions(registry: Registry): string[] {
  return [...new Set(registry.types().map(apiVersionOf))];
}

function documentPath(groupVersion: string): string {
  return groupVersion.includes("/") ? `apis/${groupVersion}` : `api/${groupVersion}`;
}

function documentOf(registry: Registry, groupVersion: string): Fields {
  const types = registry.types().filter((type) => apiVersionOf(type) === groupVersion);
  const schemas = types.map((type) => [schemaName(type), schemaOf(type, "#/components/schemas/")] as const);
  const parameters = parametersOf({ schema: { type: "string", uniqueItems: true } });
  return {
    openapi: "3.0.0",
    info,
    paths: Object.fromEntries(types.flatMap((type) => pathsOf(type, parameters))),
    components: { schemas: { [metaName]: metaSchema, ...Object.fromEntries(schemas) } },
  };
}

function schemaName(type: ServedType): string {
  const reversed = (type.group || "core").split(".").reverse().join(".");
  return `${reversed}.${type.version}.${type.kind}`;
}

function groupVersionKind({ group, version, kind }: ServedType): Fields {
  return { group, version, kind };
}

const metaSchema: Fields = {
  type: "object",
  description: "Metadata that every object has: its names, labels, owners and the versions of its state.",
  properties: {
    name: { type: "string", description: "Name, unique in its namespace and kind; cannot be changed." },
    generateName: { type: "string", description: "Beginning of a name that the server completes." },
    namespace: { type: "string", description: "The namespace that the object is in." },
    uid: { type: "string", description: "Unique in time and space; given by the server." },
    resourceVersion: { type: "string", description: "Changes with every write; send it back to detect conflicts." },
    generation: { type: "integer", description: "Rises with each change of the desired state." },
    creationTimestamp: { type: "string", format: "date-time", description: "When the object was created." },
    deletionTimestamp: { type: "string", format: "date-time", description: "When its deletion was asked for." },
    labels: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Keys and values that selectors look at.",
    },
    annotations: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Keys and values for tools; selectors do not see them.",
    },
    finalizers: { type: "array", items: { type: "string" }, description: "What has to finish before the object goes." },
    ownerReferences: { type: "array", items: anyFields, description: "Objects that this one belongs to." },
    managedFields: { type: "array", items: anyFields, description: "Who has set which fields." },
  },
};

const standardProperties = (reference: string): Fields => ({
  apiVersion: { type: "string", description: "Group and version of the schema of this object." },
  kind: { type: "string", description: "The kind of this object." },
  metadata: {
    description: "Standard metadata of the object.",
    default: {},
    allOf: [{ $ref: `${reference}${metaName}` }],
  },
});

function schemaOf(type: ServedType, reference: string): Fields {
  const schema = type.schema ?? {
    description: `${type.kind}: any fields are accepted.`,
    properties: {
      spec: { ...anyFields, description: "The desired state." },
      ...(type.status === false ? {} : { status: { ...anyFields, description: "The observed state." } }),
    },
    "x-kubernetes-preserve-unknown-fields": true,
  };
  const properties = { ...asFields(schema.properties), ...standardProperties(reference) };
  return {
    ...schema,
    type: "object",
    properties,
    "x-kubernetes-group-version-kind": [groupVersionKind(type)],
  };
}

function parametersOf(schema: Fields): Fields[] {
  return ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({ name, in: "query", ...schema }));
}

/** kubectl looks here for what a write of a kind can be asked for. */
function pathsOf(type: ServedType, parameters: readonly Fields[]): [string, Fields][] {
  if (type.answer) return [];
  const root = type.group ? `/apis/${type.group}/${type.version}` : `/api/${type.version}`;
  const collection = `${root}${type.namespaced ? "/namespaces/{namespace}" : ""}/${type.resource}`;
  const operation = (verb: string, action: string): Fields => ({
    operationId: `${verb}${type.group.replaceAll(".", "")}${type.version}${type.kind}`,
    parameters,
    responses: { 200: { description: "OK" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": groupVersionKind(type),
  });
  return [
    [collection, { post: operation("create", "post") }],
    [`${collection}/{name}`, { put: operation("replace", "put"), patch: operation("patch", "patch") }],
  ];
}
