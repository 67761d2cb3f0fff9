import { admit, type WriteOptions, writeOptions } from "./admission.js";
import { mediaType, parseObject, readBody } from "./body.js";
import type { Reply, ResourceCall } from "./call.js";
import { fillNewObject } from "./defaults.js";
import { bornObject } from "./lifecycle.js";
import { entriesAfterUpdate } from "./managed-fields.js";
import { objectReply } from "./rest-read.js";
import { badRequest, methodNotAllowed, notFound } from "./status-error.js";
import { checkRoom, newRef } from "./store.js";
import type { KubeObject, ManagedFieldsEntry, NewObject } from "./types.js";
import { checkBody, checkMetadata } from "./validation.js";

/** POST to a collection. */
export async function createObject(call: ResourceCall): Promise<Reply> {
  const options = writeOptions(call);
  const body = parseObject(await readBody(call.request), mediaType(call.request));
  const created = await bear(call, checkBody(call.type, body), options);
  return objectReply(call, created, 201);
}

/** Creates an object; `ownership` says what its managedFields are, by default the manager's plain write. */
export async function bear(
  call: ResourceCall,
  object: NewObject,
  options: WriteOptions,
  ownership: (born: KubeObject) => ManagedFieldsEntry[] = (born) => plainOwnership(call, born, options),
): Promise<KubeObject> {
  const { store } = call.cluster;
  const clean = accepted(call, object);
  const ref = newRef(call.type, clean);
  const written = await store.write(
    ref,
    (current) => {
      checkRoom(store, call.type, ref, current);
      checkServed(call);
      const born = bornObject(call.type, clean, { name: ref.name, namespace: ref.namespace }, call.now);
      fillNewObject(call.type, born, call.now);
      const draft = structuredClone(born);
      admit(call, { operation: "create", object: draft, previous: undefined, subresource: "", dryRun: options.dryRun });
      const managedFields = ownership(draft);
      return { do: "put", object: { ...draft, metadata: { ...draft.metadata, managedFields } } };
    },
    options.dryRun,
  );
  if (!written) throw notFound(call.type, ref.name);
  return written;
}

function plainOwnership(call: ResourceCall, born: KubeObject, { manager }: WriteOptions): ManagedFieldsEntry[] {
  const writer = { manager, operation: "Update", subresource: "", now: call.now } as const;
  return entriesAfterUpdate(call.type, undefined, born, writer);
}

/** A body without what only the server says; throws for what is wrong with it. */
function accepted(call: ResourceCall, object: NewObject): NewObject {
  const { metadata, ...rest } = object;
  if (metadata.resourceVersion) throw badRequest("resourceVersion should not be set on objects to be created");
  checkMetadata(call.type, object);
  const namespace = namespaceOf(call, metadata.namespace);
  const { managedFields: _, uid: __, generation: ___, namespace: ____, ...kept } = metadata;
  const clean: NewObject = { ...rest, metadata: { ...kept, ...(namespace === undefined ? {} : { namespace }) } };
  if (call.type.status !== false) delete clean.status;
  return clean;
}

/** The namespace of the path; 400 when the body says another. */
export function namespaceOf(call: ResourceCall, inBody: string | undefined): string | undefined {
  if (!call.type.namespaced) {
    if (inBody) throw badRequest("namespace is not allowed on cluster-scoped objects");
    return undefined;
  }
  const { namespace } = call.target;
  if (namespace === undefined) throw badRequest("the namespace must be given in the path of the request");
  if (inBody && inBody !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  return namespace;
}

/** A definition in deletion takes no new objects. */
function checkServed(call: ResourceCall): void {
  if (call.type.origin !== "custom") return;
  const { group, resource } = call.type;
  const definition = call.cluster.store.get({
    group: "apiextensions.k8s.io",
    resource: "customresourcedefinitions",
    name: `${resource}.${group}`,
  });
  if (!definition || definition.metadata.deletionTimestamp) throw methodNotAllowed();
}
