/** A group of machines as the backend shall run it. */
export interface WorkerSpec {
  readonly name: string;
  readonly machineType: string;
  readonly minSize: number;
  readonly maxSize: number;
  /** Machines that a rolling update may add; with both at 0 the backend's default holds. */
  readonly maxSurge: number;
  /** Machines that a rolling update may take away. */
  readonly maxUnavailable: number;
}

/** When and what the backend may update by itself. */
export interface MaintenanceSpec {
  readonly kubernetesAutoupdate: boolean;
  readonly machineImageAutoupdate: boolean;
  /** Only its time of day, in UTC, matters. */
  readonly begin: Date;
  readonly durationSeconds: number;
}

/** A cluster as it is wanted. */
export interface ClusterSpec {
  /** Uuid. */
  readonly id: string;
  /** 2 to 12 characters, unique in its project. */
  readonly name: string;
  /** Uuid. */
  readonly project: string;
  readonly tenant: string;
  readonly partition: string;
  readonly kubernetesVersion: string;
  readonly workers: readonly WorkerSpec[];
  readonly maintenance: MaintenanceSpec;
  readonly purpose?: string | undefined;
}

/** Which cluster is meant. */
export interface ClusterRef {
  readonly id: string;
  readonly name: string;
  readonly project: string;
}

/** What can be asked of a running cluster; `retry` only when its last operation has failed for good. */
export type ClusterOperation = "reconcile" | "maintain" | "retry";

/** One aspect of a cluster's health; times in RFC 3339. */
export interface ClusterCondition {
  readonly type: string;
  /** True, False, Progressing or Unknown. */
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string | undefined;
  readonly lastUpdateTime?: string | undefined;
}

/** Why the last operation has not succeeded; times in RFC 3339. */
export interface ClusterLastError {
  readonly description: string;
  readonly taskId?: string | undefined;
  readonly codes: readonly string[];
  readonly lastUpdateTime?: string | undefined;
}

/** A cluster as the backend reports it. */
export interface ClusterObservation {
  readonly id: string;
  /** The cluster no longer exists; then type is Delete and state Succeeded. */
  readonly gone: boolean;
  /** A whole number in decimal that rises with every change of the cluster. */
  readonly version: string;
  readonly type: "Create" | "Reconcile" | "Delete";
  /** Error is tried again by the backend, Failed is not. */
  readonly state: "Pending" | "Processing" | "Succeeded" | "Error" | "Failed" | "Aborted";
  /** 0 to 100. */
  readonly progress: number;
  readonly description: string;
  readonly conditions: readonly ClusterCondition[];
  readonly lastErrors: readonly ClusterLastError[];
  /** Status of the condition behind it, as are the next three: True, False, Progressing or Unknown. */
  readonly apiServerReady: string;
  readonly controlPlaneReady: string;
  readonly nodesReady: string;
  readonly systemComponentsReady: string;
  /** The seed that runs the control plane, where the backend has such and has chosen one. */
  readonly seed: string | undefined;
  /** Labels of the object in the backend. */
  readonly labels: Readonly<Record<string, string>>;
  /** What the backend runs; its maintenance may have raised it. */
  readonly kubernetesVersion: string;
  /** RFC 3339. */
  readonly lastUpdateTime?: string | undefined;
}

/** Access to the dashboards of a cluster. */
export interface ClusterMonitoring {
  readonly username: string;
  readonly password: string;
  /** URL. */
  readonly endpoint: string;
}

/** A machine that has joined a cluster. */
export interface MachineInfo {
  readonly uuid: string;
  readonly name: string;
  readonly hostname: string;
  readonly project: string;
  readonly partition: string;
  /** The operating system as it names itself. */
  readonly image: string;
  /** Machine type. */
  readonly size: string;
  /** The group of machines that it belongs to. */
  readonly role: string;
  /** "Ready" or "NotReady". */
  readonly state: string;
  /** "Alive", "Dead" or "Unknown". */
  readonly liveliness: string;
}

/** What a follower is told; called one at a time, and never again after `follow` has ended. */
export interface ClusterHandlers {
  /** All clusters; one that is not among them does not exist. */
  onSync(all: readonly ClusterObservation[]): void | Promise<void>;
  onObservation(seen: ClusterObservation): void | Promise<void>;
  /** The backend answers, for the first time or again. */
  onUp(): void;
  /** The backend stopped answering. */
  onDown(error: Error): void;
}

/**
 * Where the clusters of one partition are made. All methods throw DomainError: "unavailable" or "conflict" when
 * the same call may succeed later, "precondition" when the backend refuses what it is asked, "missing" when the
 * cluster is not there.
 */
export interface ClusterBackend {
  /**
   * Makes the cluster what the spec says. Idempotent, also after a crash half-way. Answers the version from which
   * on observations know of the spec.
   */
  apply(spec: ClusterSpec, signal: AbortSignal): Promise<string>;
  operate(ref: ClusterRef, operation: ClusterOperation, signal: AbortSignal): Promise<void>;
  /** Begins the deletion, or tells that nothing is left. Idempotent. */
  remove(ref: ClusterRef, signal: AbortSignal): Promise<"removing" | "gone">;
  /** The newest state; undefined when the cluster does not exist. */
  observe(ref: ClusterRef, signal: AbortSignal): Promise<ClusterObservation | undefined>;
  /** A kubeconfig (YAML) with one user with a client certificate, valid for 600 to 86 400 seconds. */
  kubeconfig(ref: ClusterRef, expirationSeconds: number, signal: AbortSignal): Promise<string>;
  /** Undefined as long as there are no dashboards. */
  monitoring(ref: ClusterRef, signal: AbortSignal): Promise<ClusterMonitoring | undefined>;
  /** The machines that have joined; empty as long as the cluster has no API server. */
  machines(ref: ClusterRef, signal: AbortSignal): Promise<readonly MachineInfo[]>;
  /** Tells every change until the signal aborts, whatever the backend does. */
  follow(handlers: ClusterHandlers, signal: AbortSignal): Promise<void>;
}
