import { objectForm } from "./accept.js";
import { type Call, numberParameter, type Reply, type ResourceCall, refOf } from "./call.js";
import { apiVersionOf } from "./lifecycle.js";
import { parseResourcePath } from "./request-path.js";
import { fieldSelector, labelSelector, type Selector } from "./selectors.js";
import type { ServedType } from "./served-type.js";
import { badRequest, expired, invalid, methodNotAllowed, noSuchPath, notFound, StatusError } from "./status-error.js";
import { type IncludeObject, partialObject, tableOf } from "./table.js";
import type { Fields, KubeObject } from "./types.js";

/** GET of one object. */
export function getObject(call: ResourceCall): Reply {
  const object = call.cluster.store.get(refOf(call));
  if (!object) throw notFound(call.type, call.target.name ?? "");
  return objectReply(call, object);
}

/** GET of a path below an object that an extension of the cluster serves; 404 when none does. */
export function readBelow(call: Call): Reply {
  const { cluster, now } = call;
  for (const { group, resource, path, read } of cluster.extensions.flatMap(({ reads = [] }) => reads)) {
    const target = call.path.endsWith(`/${path}`) ? parseResourcePath(call.path.slice(0, -path.length - 1)) : undefined;
    if (target?.group !== group || target.resource !== resource || target.subresource !== "") continue;
    const type = cluster.registry.find(group, target.version, resource);
    const { name, namespace } = target;
    if (type === undefined || name === undefined || type.namespaced !== (namespace !== undefined)) continue;
    if (call.method !== "GET" && call.method !== "HEAD") throw methodNotAllowed();
    const object = cluster.store.get({ group, resource, name, namespace });
    if (object === undefined) throw notFound(type, name);
    return { code: 200, body: read({ object, cluster: cluster.name, store: cluster.store, now }) };
  }
  throw noSuchPath();
}

/** An object in the form that the caller asks for. */
export function objectReply(call: ResourceCall, object: KubeObject, code = 200): Reply {
  const form = objectForm(call.request.headers.accept);
  const { resourceVersion } = object.metadata;
  if (form.as === "Table") return { code, body: tableFor(call, [object], { resourceVersion }) };
  if (form.as === "PartialObjectMetadata") return { code, body: partialObject(object) };
  return { code, body: served(call.type, object), ...(form.yaml ? { contentType: "application/yaml" } : {}) };
}

/** An object as the version of the path shows it: versions of a resource differ in their names only. */
export function served(type: ServedType, object: KubeObject): KubeObject {
  const apiVersion = apiVersionOf(type);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

/** Some objects as a table. */
export function tableFor(
  call: ResourceCall,
  objects: readonly KubeObject[],
  metadata: Fields,
  withColumns = true,
): Fields {
  const include = (call.query.get("includeObject") || "Metadata") as IncludeObject;
  if (!["None", "Metadata", "Object"].includes(include))
    throw badRequest(`invalid value for includeObject: ${include}`);
  const shown = include === "Object" ? objects.map((object) => served(call.type, object)) : objects;
  return tableOf(call.type, shown, { metadata, include, now: call.now, withColumns });
}

/** What a list, watch or collection delete is narrowed to. */
export function selectorOf(call: ResourceCall): Selector {
  const labels = labelSelector(call.query.get("labelSelector") ?? "");
  const fields = fieldSelector(call.query.get("fieldSelector") ?? "", call.type.fieldLabels ?? []);
  const { namespace, name } = call.target;
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    labels(object) &&
    fields(object);
}

interface Page {
  readonly objects: readonly KubeObject[];
  readonly metadata: Fields;
}

/** GET of a list. */
export function listObjects(call: ResourceCall): Reply {
  const form = objectForm(call.request.headers.accept);
  const { objects, metadata } = pageOf(call);
  if (form.as === "Table") return { code: 200, body: tableFor(call, objects, metadata) };
  if (form.as === "PartialObjectMetadata") {
    const names = { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" };
    return { code: 200, body: { ...names, metadata, items: objects.map(partialObject) } };
  }
  const body = {
    kind: `${call.type.kind}List`,
    apiVersion: apiVersionOf(call.type),
    metadata,
    items: objects.map((object) => served(call.type, object)),
  };
  return { code: 200, body, ...(form.yaml ? { contentType: "application/yaml" } : {}) };
}

/** All pages of one list show the state at its first page, which the continue token names. */
function pageOf(call: ResourceCall): Page {
  const limit = numberParameter(call.query, "limit") ?? 0;
  const token = call.query.get("continue") ?? "";
  const start = token ? readToken(token) : { version: startVersion(call), after: "" };
  const all = call.cluster.store.collection(call.type).at(start.version);
  if (!all) throw expired("The provided continue parameter or resourceVersion is too old: list again without it.");
  const selects = selectorOf(call);
  const found = all.filter((object) => keyOfObject(object) > start.after && selects(object));
  const objects = limit > 0 ? found.slice(0, limit) : found;
  const last = objects.at(-1);
  const left = found.length - objects.length;
  const resourceVersion = String(start.version);
  if (left === 0 || !last) return { objects, metadata: { resourceVersion } };
  const next = writeToken({ version: start.version, after: keyOfObject(last) });
  const narrowed = call.query.get("labelSelector") || call.query.get("fieldSelector");
  return {
    objects,
    metadata: { resourceVersion, continue: next, ...(narrowed ? {} : { remainingItemCount: left }) },
  };
}

function startVersion(call: ResourceCall): number {
  const { versions } = call.cluster.store;
  const wanted = numberParameter(call.query, "resourceVersion");
  const match = call.query.get("resourceVersionMatch") ?? "";
  if (!["", "Exact", "NotOlderThan"].includes(match) || (match !== "" && wanted === undefined)) {
    const message = `Forbidden: resourceVersionMatch ${JSON.stringify(match)} needs a resourceVersion and is Exact or NotOlderThan`;
    throw invalid("", "ListOptions", "", [{ reason: "FieldValueForbidden", message, field: "resourceVersionMatch" }]);
  }
  if (wanted !== undefined) checkNotAhead(wanted, versions.current);
  return match === "Exact" && wanted !== undefined ? wanted : versions.current;
}

/** Throws when a caller has seen a state that this server has not. */
export function checkNotAhead(wanted: number, current: number): void {
  if (wanted <= current) return;
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  throw new StatusError(504, "Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

interface Token {
  readonly version: number;
  readonly after: string;
}

function keyOfObject({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function readToken(text: string): Token {
  try {
    const { version, after } = JSON.parse(Buffer.from(text, "base64url").toString()) as Partial<Token>;
    if (Number.isSafeInteger(version) && typeof after === "string") return { version: version as number, after };
  } catch {
    // Falls through to the refusal.
  }
  throw badRequest("continue key is not valid");
}
