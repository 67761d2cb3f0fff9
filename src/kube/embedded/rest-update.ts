import { admit, checkDying, type WriteOptions, writeOptions } from "./admission.js";
import { applied, blankObject } from "./apply.js";
import { mediaType, parseObject, parseValue, readBody } from "./body.js";
import { flag, type Reply, type ResourceCall, refOf } from "./call.js";
import { fillObject } from "./defaults.js";
import type { ResourceType } from "./extension.js";
import { checkFresh, checkPreconditions } from "./lifecycle.js";
import { entriesAfterUpdate, type Writer } from "./managed-fields.js";
import { patched, patchTypes, unsupportedPatch } from "./patches.js";
import { bear, namespaceOf } from "./rest-create.js";
import { objectReply, served } from "./rest-read.js";
import { badRequest, invalid, notFound, StatusError } from "./status-error.js";
import { type Decision, decideUpdate, withStatus } from "./store.js";
import type { Fields, KubeObject, ManagedFieldsEntry, NewObject } from "./types.js";
import { checkBody, checkMetadata } from "./validation.js";

/** PUT of an object or of its status. */
export async function replaceObject(call: ResourceCall): Promise<Reply> {
  const options = writeOptions(call);
  const body = checkBody(call.type, parseObject(await readBody(call.request), mediaType(call.request)));
  if (call.type.origin !== "builtin" && !body.metadata.resourceVersion) {
    const message = "Invalid value: 0x0: must be specified for an update";
    const cause = { reason: "FieldValueInvalid", message, field: "metadata.resourceVersion" };
    throw invalid(call.type.group, call.type.kind, call.target.name ?? "", [cause]);
  }
  const object = await change(call, options, (current) => {
    if (!current) throw notFound(call.type, call.target.name ?? "");
    return { proposed: body };
  });
  return objectReply(call, object);
}

/** PATCH of an object or of its status, in any of the four formats. */
export async function patchObject(call: ResourceCall): Promise<Reply> {
  const type = mediaType(call.request);
  if (type === patchTypes.apply) return applyObject(call);
  const known: readonly string[] = Object.values(patchTypes);
  if (!known.includes(type)) throw unsupportedPatch(call.type);
  const options = writeOptions(call);
  const patch = parseValue(await readBody(call.request), type);
  const object = await change(call, options, (current) => {
    if (!current) throw notFound(call.type, call.target.name ?? "");
    return { proposed: checkBody(call.type, patched(call.type, served(call.type, current), patch, type)) };
  });
  return objectReply(call, object);
}

async function applyObject(call: ResourceCall): Promise<Reply> {
  if (!call.query.get("fieldManager")) {
    const message = "Required value: is required for apply patch";
    throw invalid("meta.k8s.io", "PatchOptions", "", [
      { reason: "FieldValueRequired", message, field: "fieldManager" },
    ]);
  }
  const options = writeOptions(call);
  const body = parseObject(await readBody(call.request), "application/yaml");
  const config = checkBody(call.type, { ...body, metadata: body.metadata ?? {} });
  if (!body.apiVersion || !body.kind) throw badRequest("apiVersion and kind must be given in an apply patch");
  if (config.metadata.managedFields) throw badRequest("metadata.managedFields must be nil");
  checkIdentity(call, config);
  const force = flag(call.query, "force");
  const writer = writerOf(call, options, "Apply");
  const onto = <T extends NewObject>(current: T) =>
    applied(call.type, current, applicable(call, config) as Fields, writer, force);

  if (!call.cluster.store.get(refOf(call)) && call.target.subresource === "") {
    const created = await firstApply(call, config, options, onto);
    if (created) return objectReply(call, created, 201);
  }
  const object = await change(call, options, (current) => {
    if (!current) throw notFound(call.type, call.target.name ?? "");
    const { resourceVersion, uid } = config.metadata;
    checkFresh(call.type, current, resourceVersion);
    checkPreconditions(call.type, current, { uid });
    const result = onto(current);
    return { proposed: result, managedFields: result.metadata.managedFields ?? [] };
  });
  return objectReply(call, object);
}

/** Creates what is applied; undefined when somebody else was faster. */
async function firstApply(
  call: ResourceCall,
  config: NewObject,
  options: WriteOptions,
  onto: (blank: NewObject) => NewObject,
): Promise<KubeObject | undefined> {
  if (config.metadata.uid) throw notFound(call.type, call.target.name ?? "");
  const namespace = namespaceOf(call, config.metadata.namespace);
  const object = onto(blankObject(config, call.target.name ?? "", namespace));
  try {
    return await bear(call, object, options, () => object.metadata.managedFields ?? []);
  } catch (error) {
    if (error instanceof StatusError && error.reason === "AlreadyExists") return undefined;
    throw error;
  }
}

/** Whether a path below an object is about its status only. */
export function changesStatus(type: ResourceType, subresource: string): boolean {
  return (subresource === "status" && type.status === true) || (type.statusParts?.includes(subresource) ?? false);
}

/** The part of an apply that its path lets through. */
function applicable(call: ResourceCall, config: NewObject): NewObject {
  const { status, ...rest } = config;
  if (call.target.subresource === "") return call.type.status === false ? config : rest;
  const { apiVersion, kind } = config;
  return { apiVersion, kind, metadata: {}, ...(status === undefined ? {} : { status }) } as NewObject;
}

interface Proposal {
  readonly proposed: NewObject;
  /** Given where the write itself has worked out who owns what. */
  readonly managedFields?: ManagedFieldsEntry[];
}

/** Carries out an update: the same checks for every way in which it can be put. */
export async function change(
  call: ResourceCall,
  options: WriteOptions,
  propose: (current: KubeObject | undefined) => Proposal,
): Promise<KubeObject> {
  const written = await call.cluster.store.write(
    refOf(call),
    (current) => {
      const { proposed, managedFields } = propose(current);
      if (!current) throw notFound(call.type, call.target.name ?? "");
      return decide(call, options, current, proposed, managedFields);
    },
    options.dryRun,
  );
  if (!written) throw notFound(call.type, call.target.name ?? "");
  return written;
}

function decide(
  call: ResourceCall,
  options: WriteOptions,
  current: KubeObject,
  proposed: NewObject,
  managedFields: ManagedFieldsEntry[] | undefined,
): Decision {
  const { type, target } = call;
  checkIdentity(call, proposed);
  checkFresh(type, current, proposed.metadata.resourceVersion);
  checkPreconditions(type, current, { uid: proposed.metadata.uid });
  checkMetadata(type, proposed);
  const draft = structuredClone(scoped(call, current, proposed as KubeObject));
  fillObject(type, draft);
  draft.metadata.generation = current.metadata.generation ?? 0;
  const { subresource } = target;
  admit(call, { operation: "update", object: draft, previous: current, subresource, dryRun: options.dryRun });
  checkDying(call, current, draft);
  const writer = writerOf(call, options, "Update");
  const owners = managedFields ?? (clears(proposed) ? [] : entriesAfterUpdate(type, current, draft, writer));
  const { managedFields: _, ...metadata } = draft.metadata;
  const kept = owners.length > 0 || current.metadata.managedFields ? { managedFields: owners } : {};
  return decideUpdate(type, current, { ...draft, metadata: { ...metadata, ...kept } });
}

/** An empty list is how a client takes back all ownership. */
function clears(proposed: NewObject): boolean {
  const { managedFields } = proposed.metadata;
  return managedFields?.every((entry) => Object.keys(entry).length === 0) ?? false;
}

/** What the path lets through: the status only, the finalizers of a namespace only, or all but the status. */
function scoped(call: ResourceCall, current: KubeObject, proposed: KubeObject): KubeObject {
  const { subresource } = call.target;
  if (changesStatus(call.type, subresource)) return withStatus(current, proposed.status);
  if (subresource === "finalize") {
    return { ...current, spec: { ...current.spec, finalizers: proposed.spec?.finalizers } };
  }
  return call.type.status === false ? proposed : withStatus(proposed, current.status);
}

function checkIdentity(call: ResourceCall, object: NewObject): void {
  const { name } = object.metadata;
  if (name && name !== call.target.name) {
    const message = `the name of the object (${name}) does not match the name on the URL (${call.target.name})`;
    throw badRequest(message);
  }
  object.metadata.name = call.target.name ?? "";
  namespaceOf(call, object.metadata.namespace);
}

function writerOf(call: ResourceCall, options: WriteOptions, operation: Writer["operation"]): Writer {
  return { manager: options.manager, operation, subresource: call.target.subresource, now: call.now };
}
