import { admit, checkDeletable } from "./admission.js";
import { mediaType, parseObject, readBody } from "./body.js";
import { dryRunOf, type Reply, type ResourceCall, refOf } from "./call.js";
import { asFields } from "./fields.js";
import { propagation } from "./garbage-collector.js";
import { apiVersionOf } from "./lifecycle.js";
import { selectorOf, served } from "./rest-read.js";
import { badRequest, notFound, type StatusBody, StatusError } from "./status-error.js";
import { decideDelete } from "./store.js";
import type { Fields, KubeObject, ObjectRef, Preconditions } from "./types.js";

interface DeleteOptions {
  readonly dryRun: boolean;
  readonly preconditions: Preconditions;
  /** Finalizer that says what becomes of the dependents; undefined: they go by themselves. */
  readonly finalizer: string | undefined;
}

/** DELETE of one object: a Status when it is gone, the object while finalizers hold it. */
export async function deleteObject(call: ResourceCall): Promise<Reply> {
  const options = await readOptions(call);
  const ref = refOf(call);
  const { object, gone } = await bury(call, ref, options);
  return { code: 200, body: gone ? success(call, object) : served(call.type, object) };
}

/** DELETE of a collection: everything that the selectors match, one after the other. */
export async function deleteCollection(call: ResourceCall): Promise<Reply> {
  const options = await readOptions(call);
  const { group, resource } = call.type;
  const found = call.cluster.store.collection(call.type).all().filter(selectorOf(call));
  const items: KubeObject[] = [];
  for (const { metadata } of found) {
    const scope = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    try {
      items.push((await bury(call, { group, resource, name: metadata.name, ...scope }, options)).object);
    } catch (error) {
      // Somebody else was faster with this one.
      if (!(error instanceof StatusError && error.code === 404)) throw error;
    }
  }
  const metadata = { resourceVersion: String(call.cluster.store.versions.current) };
  const list = { kind: `${call.type.kind}List`, apiVersion: apiVersionOf(call.type), metadata };
  return { code: 200, body: { ...list, items: items.map((item) => served(call.type, item)) } };
}

async function bury(
  call: ResourceCall,
  ref: ObjectRef,
  options: DeleteOptions,
): Promise<{ object: KubeObject; gone: boolean }> {
  let gone = false;
  const object = await call.cluster.store.write(
    ref,
    (current) => {
      if (!current) throw notFound(call.type, ref.name);
      checkDeletable(call, current);
      const { dryRun } = options;
      admit(call, { operation: "delete", object: current, previous: current, subresource: "", dryRun });
      const decision = decideDelete(call.type, withFinalizer(current, options), options.preconditions, call.now);
      gone = decision.do === "remove";
      return decision;
    },
    options.dryRun,
  );
  if (!object) throw notFound(call.type, ref.name);
  return { object, gone };
}

function withFinalizer(current: KubeObject, { finalizer }: DeleteOptions): KubeObject {
  const before = current.metadata.finalizers ?? [];
  if (!finalizer || current.metadata.deletionTimestamp || before.includes(finalizer)) return current;
  return { ...current, metadata: { ...current.metadata, finalizers: [...before, finalizer] } };
}

async function readOptions(call: ResourceCall): Promise<DeleteOptions> {
  const raw = await readBody(call.request);
  const body: Fields = raw.length > 0 ? parseObject(raw, mediaType(call.request)) : {};
  const dryRun = Array.isArray(body.dryRun) ? body.dryRun.map(String) : call.query.getAll("dryRun");
  const { uid, resourceVersion } = asFields(body.preconditions);
  return {
    dryRun: dryRunOf(dryRun),
    preconditions: {
      ...(typeof uid === "string" ? { uid } : {}),
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
    },
    finalizer: finalizerFor(body, call),
  };
}

function finalizerFor(body: Fields, call: ResourceCall): string | undefined {
  const policy = body.propagationPolicy ?? call.query.get("propagationPolicy") ?? undefined;
  if (policy === undefined || policy === "") return body.orphanDependents === true ? propagation.orphan : undefined;
  if (policy === "Background") return undefined;
  if (policy === "Foreground") return propagation.foreground;
  if (policy === "Orphan") return propagation.orphan;
  throw badRequest(`invalid propagationPolicy ${JSON.stringify(policy)}: must be Background, Foreground or Orphan`);
}

function success(call: ResourceCall, object: KubeObject): StatusBody {
  const { group, resource } = call.type;
  const { name, uid } = object.metadata;
  const details = { name, ...(group ? { group } : {}), kind: resource, uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details, code: 200 };
}
