/** The part of an object's metadata that Slipway reads or writes. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
}

/** Any Kubernetes object; adapters extend it with the spec and status they know. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** One kind of object as the API server names it: `plural` in the path, `kind` in the body. */
export interface ResourceType {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

/** One page of a list. */
export interface KubeList<T extends KubeObject> {
  readonly items: T[];
  /** The state of the whole collection, from which a watch can begin. */
  readonly resourceVersion: string;
  /** Present when there are more pages. */
  readonly continue: string | undefined;
}

/** Core Secrets; values are base64. */
export const secrets: ResourceType = { group: "", version: "v1", plural: "secrets", kind: "Secret" };

/** Core Namespaces. */
export const namespaces: ResourceType = { group: "", version: "v1", plural: "namespaces", kind: "Namespace" };

/** Core Nodes. */
export const nodes: ResourceType = { group: "", version: "v1", plural: "nodes", kind: "Node" };

/** Core Pods. */
export const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };

/** A core Secret. */
export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

/** What a manifest of this type carries as `apiVersion`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** The URL path of a collection, or of one object and its subresource. */
export function pathOf(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const parts = [type.plural, name, subresource].filter((part) => part !== undefined).map(encodeURIComponent);
  const scope = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${parts.join("/")}`;
}
