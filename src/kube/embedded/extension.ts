import type { Readable, Writable } from "node:stream";
import type { Fields, KubeObject, ObjectStore, ResourceName } from "./types.js";

/** A column that `kubectl get` prints; `jsonPath` as in a CustomResourceDefinition, such as ".spec.region". */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  readonly format?: string;
  /** Above 0 the column is printed with `-o wide` only. */
  readonly priority?: number;
}

/** Where the scale subresource finds its numbers, as JSON paths. */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  readonly labelSelector?: string;
}

/** One resource that the server serves. */
export interface ResourceType {
  /** API group, "" for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural name as in the path, such as "shoots". */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Default: the kind in lower case. */
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Whether `/status` exists; then the main path leaves the status alone. */
  readonly status?: boolean;
  /** More paths below an object that change its status and nothing else, such as "approval". */
  readonly statusParts?: readonly string[];
  readonly scale?: ScalePaths;
  /** Whether metadata.generation is kept; default true. */
  readonly generation?: boolean;
  /** Columns between Name and Age; a type that brings none gets Name and Age only. */
  readonly columns?: readonly Column[];
  /** OpenAPI v3 schema of the object for `kubectl explain`; default: any fields. */
  readonly schema?: Fields;
  /** Paths below an object, by name, such as "adminkubeconfig". */
  readonly subresources?: Readonly<Record<string, Subresource>>;
  /** When set, the resource is never stored: a POST is answered by this, as the review APIs are. */
  readonly answer?: (request: AnswerRequest) => KubeObject | Promise<KubeObject>;
}

/** The caller, as its client certificate names it. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The virtual cluster that a request is about. */
export interface ClusterContext {
  /** Its name; "" is the management cluster. */
  readonly cluster: string;
  readonly store: ObjectStore;
}

/** A POST to a resource that is not stored. */
export interface AnswerRequest extends ClusterContext {
  readonly user: User;
  readonly namespace: string | undefined;
  readonly body: Fields;
}

/** A create, update or delete over HTTP, before it is carried out. */
export interface AdmissionRequest extends ClusterContext {
  readonly operation: "create" | "update" | "delete";
  readonly type: ResourceType;
  /** "" for the object itself; a status update comes with "status", a scale update with "scale". */
  readonly subresource: string;
  /**
   * With create and update a draft that may be changed in place (raise
   * `metadata.generation` to count as a change of the spec); with delete the
   * frozen current object.
   */
  readonly object: KubeObject;
  /** The current object; undefined with create. */
  readonly previous: KubeObject | undefined;
  readonly user: User;
  readonly dryRun: boolean;
}

/** A subresource of one object, answered by POST. */
export interface Subresource {
  /** Group, version and kind of the body, for discovery. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Answers the body of a 201; throws StatusError to refuse. */
  readonly create: (request: SubresourceRequest) => KubeObject | Fields | Promise<KubeObject | Fields>;
}

/** A POST to a subresource. */
export interface SubresourceRequest extends ClusterContext {
  readonly object: KubeObject;
  readonly body: Fields;
  readonly user: User;
  /** Mints a client certificate of this server and wraps it as a kubeconfig. */
  readonly kubeconfig: (options: KubeconfigOptions) => Promise<IssuedKubeconfig>;
}

/** What a kubeconfig is to allow. */
export interface KubeconfigOptions {
  readonly user: string;
  /** "system:masters" may do everything everywhere, "cluster:<name>" everything in that cluster. */
  readonly groups: readonly string[];
  /** The virtual cluster that it points at; default: the management cluster. */
  readonly cluster?: string;
  /** Validity of the certificate; default one year. */
  readonly expiresInSeconds?: number;
  /** Entry names in the file; default "slipway" for each. */
  readonly names?: { readonly cluster?: string; readonly user?: string; readonly context?: string };
}

/** A kubeconfig as YAML, and when its certificate ends. */
export interface IssuedKubeconfig {
  readonly yaml: string;
  readonly expires: Date;
}

/** A path of two segments or more below the objects of a resource, such as "proxy/stats/summary" below nodes. */
export interface PathBelow extends ResourceName {
  readonly path: string;
  /** Answers a GET; throws StatusError to refuse. */
  readonly read: (request: ReadRequest) => Fields;
}

/** A GET of a path below an object. */
export interface ReadRequest extends ClusterContext {
  readonly object: KubeObject;
  readonly now: Date;
}

/** What `pods/log` was asked for. */
export interface LogOptions {
  readonly container: string | undefined;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly sinceSeconds: number | undefined;
  readonly sinceTime: Date | undefined;
  readonly limitBytes: number | undefined;
  /** Aborted when the reader goes away. */
  readonly signal: AbortSignal;
}

/** What `pods/exec` was asked for. */
export interface ExecOptions {
  readonly command: readonly string[];
  readonly container: string | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** The channels of one exec session; `stdin` ends when the caller closes it. */
export interface ExecStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The size of the caller's terminal, as it was told last. */
  readonly terminal?: () => TerminalSize | undefined;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
}

/** How large a terminal is. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What stands in for the processes of pods; absent ones answer empty logs and refuse exec. */
export interface PodHandlers {
  /** Text pieces of the log, each with its own line ends; honours the options itself. Throws at once to refuse. */
  readonly logs?: (pod: KubeObject, options: LogOptions, context: ClusterContext) => AsyncIterable<string>;
  /** Runs to the exit code. */
  readonly exec?: (
    pod: KubeObject,
    options: ExecOptions,
    streams: ExecStreams,
    context: ClusterContext,
  ) => Promise<number>;
}

/** What a simulator adds to the server. */
export interface ApiExtension {
  /** Resources served as if by an aggregated API server. */
  readonly resources: readonly ResourceType[];
  /** Paths below objects of any resource, its own or not. */
  readonly reads?: readonly PathBelow[];
  /** Which virtual clusters have it; default: the management cluster ("") only. */
  readonly appliesTo?: (cluster: string) => boolean;
  /** Called within the write, so synchronous: changes the draft or throws StatusError to refuse. */
  readonly admit?: (request: AdmissionRequest) => void;
  readonly pods?: PodHandlers;
}
