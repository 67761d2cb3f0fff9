import { type CallerOptions, type CallOptions, openCaller } from "./caller.js";
import { KubeError } from "./errors.js";
import type { ExecOptions, ExecSession } from "./exec.js";
import { apiVersionOf, type KubeList, type KubeObject, pathOf, pods, type ResourceType } from "./objects.js";
import type { RawRequest } from "./transport.js";
import type { WatchEvent } from "./watch.js";

/** The field manager under which everything is written. */
export const fieldManager = "slipway";

/** Where an object is; cluster-scoped ones have no namespace. */
export interface Place {
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** Which objects of a collection; all namespaces unless one is given. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends CallOptions, Selection {
  readonly limit?: number | undefined;
  /** The token of the page before. */
  readonly continue?: string | undefined;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** After this many seconds the server ends the watch. */
  readonly timeoutSeconds: number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** Calls to one API server. Every method throws KubeError, or the reason of the caller's own signal. */
export interface KubeClient {
  /** Reads the kubeconfig, as the first call would; throws when it cannot be used. Nothing is sent. */
  load(): Promise<void>;
  get<T extends KubeObject>(type: ResourceType, place: Place, options?: CallOptions): Promise<T>;
  /** GET of a path below an object, such as "proxy/stats/summary" below a node; the answer is JSON that nobody has checked. */
  getBelow(type: ResourceType, place: Place, path: string, options?: CallOptions): Promise<unknown>;
  /** GET of a path that is no object, such as "/version"; the answer is JSON that nobody has checked. */
  getPath(path: string, options?: CallOptions): Promise<unknown>;
  /** One page; pass `continue` for the next one. */
  list<T extends KubeObject>(type: ResourceType, options?: ListOptions): Promise<KubeList<T>>;
  /** Server-side apply, force: creates the object or sets exactly the given fields; with `dryRun` only answers what would be. */
  apply<T extends KubeObject>(
    type: ResourceType,
    object: T,
    options?: CallOptions & { readonly dryRun?: boolean | undefined },
  ): Promise<T>;
  create<T extends KubeObject>(type: ResourceType, object: T, options?: CallOptions): Promise<T>;
  /** Merge patch (RFC 7386): null removes a field. */
  mergePatch<T extends KubeObject>(type: ResourceType, place: Place, patch: unknown, options?: CallOptions): Promise<T>;
  /**
   * Deletes the object; with `uid` only if it still is that one (409 otherwise). What it owns goes as is usual for its
   * kind, which leaves the Pods of Jobs behind; with `background` after it in any case.
   */
  delete(
    type: ResourceType,
    place: Place,
    options?: CallOptions & { readonly uid?: string | undefined; readonly background?: boolean | undefined },
  ): Promise<void>;
  /** POST to a subresource, such as a request for a kubeconfig. */
  createSubresource<R>(
    type: ResourceType,
    place: Place,
    subresource: string,
    body: unknown,
    options?: CallOptions,
  ): Promise<R>;
  /** PUT to a subresource of the whole object, such as the approval of a certificate; 409 when it is out of date. */
  replaceSubresource<T extends KubeObject>(
    type: ResourceType,
    object: T,
    subresource: string,
    options?: CallOptions,
  ): Promise<T>;
  /** Resolves when the watch is open; iterate until it ends. Breaking off the iteration closes it. */
  watch<T extends KubeObject>(type: ResourceType, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>>;
  /** GET of what is text below an object, such as the "log" of a pod: its bytes as they come, until the signal aborts. */
  streamBelow(
    type: ResourceType,
    place: Place,
    subresource: string,
    query: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>>;
  /** Runs a command in a container of a pod; resolves when the connection to it is open. */
  exec(pod: Place, options: ExecOptions): Promise<ExecSession>;
  /** Drops idle connections. */
  close(): void;
}

/** A client for the cluster of a kubeconfig; reads it, and loads the client library, at the first call. */
export function openKube(settings: CallerOptions): KubeClient {
  const caller = openCaller(settings);
  const call = <R>(request: RawRequest, options: CallOptions = {}) => caller.call(request, options) as Promise<R>;
  const write = (type: ResourceType, object: KubeObject) =>
    JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind });
  return {
    load: () => caller.load(),
    get: (type, place, options) => call({ method: "GET", path: pathOf(type, place.namespace, place.name) }, options),
    getBelow: (type, place, path, options) => {
      const below = path.split("/").map(encodeURIComponent).join("/");
      return call({ method: "GET", path: `${pathOf(type, place.namespace, place.name)}/${below}` }, options);
    },
    getPath: (path, options) => call({ method: "GET", path }, options),
    list: async <T extends KubeObject>(type: ResourceType, options: ListOptions = {}) =>
      listOf<T>(await call(listRequest(type, options), options)),
    apply: (type, object, options) => {
      const query = { fieldManager, force: "true", ...(options?.dryRun === true ? { dryRun: "All" } : {}) };
      const contentType = "application/apply-patch+yaml";
      const path = pathOf(type, object.metadata.namespace, object.metadata.name);
      return call({ method: "PATCH", path, query, body: write(type, object), contentType }, options);
    },
    create: (type, object, options) => {
      const path = pathOf(type, object.metadata.namespace);
      return call({ method: "POST", path, query: { fieldManager }, body: write(type, object) }, options);
    },
    mergePatch: (type, place, patch, options) => {
      const path = pathOf(type, place.namespace, place.name);
      const contentType = "application/merge-patch+json";
      return call(
        { method: "PATCH", path, query: { fieldManager }, body: JSON.stringify(patch), contentType },
        options,
      );
    },
    delete: async (type, place, options = {}) => {
      const preconditions = options.uid === undefined ? {} : { preconditions: { uid: options.uid } };
      const propagation = options.background === true ? { propagationPolicy: "Background" } : {};
      const body = JSON.stringify({ apiVersion: "v1", kind: "DeleteOptions", ...preconditions, ...propagation });
      await call({ method: "DELETE", path: pathOf(type, place.namespace, place.name), body }, options);
    },
    createSubresource: (type, place, subresource, body, options) => {
      const path = pathOf(type, place.namespace, place.name, subresource);
      return call({ method: "POST", path, query: { fieldManager }, body: JSON.stringify(body) }, options);
    },
    replaceSubresource: (type, object, subresource, options) => {
      const path = pathOf(type, object.metadata.namespace, object.metadata.name, subresource);
      return call({ method: "PUT", path, query: { fieldManager }, body: write(type, object) }, options);
    },
    watch: (type, options) => caller.watch(watchRequest(type, options), options.signal),
    streamBelow: (type, place, subresource, query, signal) => {
      const path = pathOf(type, place.namespace, place.name, subresource);
      return caller.stream({ method: "GET", path, query }, signal);
    },
    exec: (pod, options) => caller.exec(execRequest(pod, options), options.signal),
    close: () => caller.close(),
  };
}

function execRequest({ namespace, name }: Place, { command, container, stdin, tty }: ExecOptions): RawRequest {
  const streams = { stdin: String(stdin), stdout: "true", stderr: String(!tty), tty: String(tty) };
  return { method: "GET", path: pathOf(pods, namespace, name, "exec"), query: { ...streams, container, command } };
}

function listRequest(type: ResourceType, options: ListOptions): RawRequest {
  const { labelSelector, fieldSelector, limit } = options;
  const query = { labelSelector, fieldSelector, limit: limit?.toString(), continue: options.continue };
  return { method: "GET", path: pathOf(type, options.namespace), query };
}

function watchRequest(type: ResourceType, options: WatchOptions): RawRequest {
  const { labelSelector, fieldSelector, resourceVersion } = options;
  const query = {
    labelSelector,
    fieldSelector,
    resourceVersion,
    watch: "true",
    allowWatchBookmarks: "true",
    timeoutSeconds: options.timeoutSeconds.toString(),
  };
  return { method: "GET", path: pathOf(type, options.namespace), query };
}

function listOf<T extends KubeObject>(answer: {
  items?: unknown;
  metadata?: { resourceVersion?: unknown; continue?: unknown };
}): KubeList<T> {
  const { items, metadata } = answer;
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== "string") {
    throw new KubeError("malformed", "the answer is not a list");
  }
  const next = typeof metadata.continue === "string" && metadata.continue !== "" ? metadata.continue : undefined;
  return { items: items as T[], resourceVersion: metadata.resourceVersion, continue: next };
}
