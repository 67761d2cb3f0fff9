import { writeOptions } from "./admission.js";
import { mediaType, parseObject, parseValue, readBody } from "./body.js";
import { type Reply, type ResourceCall, refOf } from "./call.js";
import type { ScalePaths } from "./extension.js";
import { asFields, asNumber, asText, isFields } from "./fields.js";
import { valueAt } from "./json-path.js";
import { mergePatched, patched, patchTypes, unsupportedPatch } from "./patches.js";
import { change } from "./rest-update.js";
import { badRequest, invalid, methodNotAllowed, noSuchPath, notFound } from "./status-error.js";
import type { Fields, KubeObject, NewObject } from "./types.js";

/** GET, PUT and PATCH of the scale of an object. */
export async function handleScale(call: ResourceCall): Promise<Reply> {
  const paths = call.type.scale;
  if (!paths) throw noSuchPath();
  if (call.method === "GET") {
    const object = call.cluster.store.get(refOf(call));
    if (!object) throw notFound(call.type, call.target.name ?? "");
    return { code: 200, body: scaleOf(object, paths) };
  }
  if (call.method !== "PUT" && call.method !== "PATCH") throw methodNotAllowed();
  const options = writeOptions(call);
  const scaled = await readScale(call, paths);
  const object = await change(call, options, (current) => {
    if (!current) throw notFound(call.type, call.target.name ?? "");
    const scale = scaled(current);
    const { resourceVersion, uid } = asFields(scale.metadata);
    const proposed = structuredClone(current) as NewObject;
    setAt(proposed, paths.specReplicas, replicasOf(call, scale));
    proposed.metadata = {
      ...proposed.metadata,
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
      ...(typeof uid === "string" ? { uid } : {}),
    };
    return { proposed };
  });
  return { code: 200, body: scaleOf(object, paths) };
}

async function readScale(call: ResourceCall, paths: ScalePaths): Promise<(current: KubeObject) => Fields> {
  const type = mediaType(call.request);
  const body = await readBody(call.request);
  if (call.method === "PUT") {
    const scale = parseObject(body, type);
    return () => scale;
  }
  const known: readonly string[] = Object.values(patchTypes);
  if (!known.includes(type)) throw unsupportedPatch(call.type);
  const patch = parseValue(body, type);
  return (current) => {
    const scale = scaleOf(current, paths);
    // A Scale has no lists, so that all patches of maps come to the same.
    if (type !== patchTypes.json) return asFields(mergePatched(scale, patch));
    return patched(call.type, scale as unknown as KubeObject, patch, type);
  };
}

function replicasOf(call: ResourceCall, scale: Fields): number {
  const replicas = asFields(scale.spec).replicas ?? 0;
  if (typeof replicas === "number" && Number.isInteger(replicas) && replicas >= 0) return replicas;
  const message = `Invalid value: ${JSON.stringify(replicas)}: must be a whole number from 0`;
  const cause = { reason: "FieldValueInvalid", message, field: "spec.replicas" };
  throw invalid(call.type.group, call.type.kind, call.target.name ?? "", [cause]);
}

function scaleOf(object: KubeObject, paths: ScalePaths): Fields {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelector === undefined ? undefined : valueAt(object, paths.labelSelector);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: asNumber(valueAt(object, paths.specReplicas)) },
    status: {
      replicas: asNumber(valueAt(object, paths.statusReplicas)),
      ...(selector === undefined ? {} : { selector: selectorText(selector) }),
    },
  };
}

function selectorText(selector: unknown): string {
  if (!isFields(selector)) return asText(selector);
  const labels = asFields(selector.matchLabels ?? (selector.matchExpressions === undefined ? selector : {}));
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${asText(value)}`)
    .join(",");
}

function setAt(object: Fields, path: string, value: number): void {
  const steps = path.replace(/^\./, "").split(".");
  const last = steps.pop();
  if (!last || last === "__proto__") throw badRequest(`the scale path ${path} cannot be written`);
  let at = object;
  for (const step of steps) {
    const next = Object.hasOwn(at, step) && isFields(at[step]) ? asFields(at[step]) : {};
    at[step] = next;
    at = next;
  }
  at[last] = value;
}
