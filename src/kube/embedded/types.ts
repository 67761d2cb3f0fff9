/** A JSON object whose fields are not known here, such as the spec of any resource. */
export type Fields = Record<string, unknown>;

/** Who else an object belongs to; when all owners are gone, the object is collected. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Which fields one manager has set, as server-side apply records it. */
export interface ManagedFieldsEntry {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  time?: string;
  fieldsType: "FieldsV1";
  fieldsV1: Fields;
  subresource?: string;
}

/** Metadata of a stored object; times are RFC 3339 in whole seconds, in UTC. */
export interface ObjectMeta {
  name: string;
  /** Absent on cluster-scoped objects. */
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  /** Rises by one with each change of the spec; absent on kinds without it, such as ConfigMap. */
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

/**
 * A Kubernetes object. What a store hands out is frozen to its last leaf:
 * change a draft in `modify`, or a `structuredClone`.
 */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Fields;
  status?: Fields;
  [field: string]: unknown;
}

/** An object to be created: the store fills in the rest of the metadata, and apiVersion and kind where absent. */
export interface NewObject {
  apiVersion?: string;
  kind?: string;
  metadata: Partial<ObjectMeta>;
  spec?: Fields;
  status?: Fields;
  [field: string]: unknown;
}

/** A kind of objects, by API group ("" for the core group) and plural name, such as "shoots". */
export interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

/** One object; the namespace is absent on cluster-scoped objects. */
export interface ObjectRef extends ResourceName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** One committed change; `previous` is the object before it (absent with ADDED). */
export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The object after the change; with DELETED its last state, with the resourceVersion of the deletion. */
  readonly object: KubeObject;
  readonly previous?: KubeObject;
}

/**
 * The objects of one virtual cluster. Reads are synchronous and see every write
 * whose promise has been fulfilled; so a `list` followed in the same tick by a
 * `watch` misses nothing. Writes happen one after the other and are on disk
 * before anybody sees them. All writes throw StatusError.
 */
export interface ObjectStore {
  /** The object, or undefined. */
  get(ref: ObjectRef): KubeObject | undefined;
  /** All objects in order of namespace and name; `labelSelector` in kubectl's syntax. */
  list(resource: ResourceName, filter?: ListFilter): KubeObject[];
  /** Creates; 409 AlreadyExists, 404 when the namespace does not exist, 403 when it is terminating. */
  create(resource: ResourceName, object: NewObject): Promise<KubeObject>;
  /**
   * Replaces spec, status and the writable metadata. 409 Conflict when the
   * resourceVersion is not the current one, 404 when the object is gone. The
   * removal of the last finalizer of an object in deletion removes the object.
   */
  update(resource: ResourceName, object: KubeObject): Promise<KubeObject>;
  /**
   * Changes the newest state by a synchronous function, which nobody can get in
   * between of. Answers undefined when the object does not exist. No change
   * keeps the resourceVersion and tells nobody.
   */
  modify(ref: ObjectRef, change: (draft: KubeObject) => void): Promise<KubeObject | undefined>;
  /** As `modify`, but only what the function does to `draft.status` counts. */
  patchStatus(ref: ObjectRef, change: (draft: KubeObject) => void): Promise<KubeObject | undefined>;
  /** Deletes, or sets the deletionTimestamp while finalizers remain; answers the last state, undefined when absent. */
  delete(ref: ObjectRef, preconditions?: Preconditions): Promise<KubeObject | undefined>;
  /** Calls back on every later change, in order, until the returned function is called. */
  watch(resource: ResourceName, onEvent: (event: StoreEvent) => void): () => void;
}

/** What a list is narrowed to. */
export interface ListFilter {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** What must still hold for a deletion, or it answers 409. */
export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}
