import type { Toleration } from "../environment/table.js";

/** A value of a secret; `follows` says that a newer version makes a new release. Version 0 means that it is not resolved yet. */
export interface SecretUse {
  readonly secret: string;
  readonly key: string;
  readonly version: number;
  readonly follows: boolean;
}

/** A container image; `digest` is empty until it is resolved. */
export interface ImageSource {
  readonly type: "image";
  /** As it was asked for: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`. */
  readonly image: string;
  readonly digest: string;
  /** Uuid of a REGISTRY secret, whose newest content is used (`secretKey(registrySecret, 0)`); empty for none. */
  readonly registrySecret: string;
}

/** A Helm chart; `resolvedVersion` is empty until it is resolved. */
export interface ChartSource {
  readonly type: "chart";
  readonly repository: string;
  readonly name: string;
  readonly version: string;
  readonly resolvedVersion: string;
  readonly digest: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly secretValues: readonly { readonly path: string; readonly use: SecretUse }[];
  readonly variablesPath: string;
  readonly engine: "flux" | "argo_cd";
  readonly registrySecret: string;
}

/** What a deployment runs. */
export type SourceContent = ImageSource | ChartSource;

export type ProcessKindName = "service" | "stateful" | "job" | "release_job";

/** A check of a replica. */
export interface ProbeContent {
  readonly check:
    | { readonly type: "http"; readonly path: string; readonly port: string }
    | { readonly type: "tcp"; readonly port: string }
    | { readonly type: "command"; readonly command: readonly string[] };
  /** Seconds; 0 for the default of Kubernetes. */
  readonly initialDelay: number;
  readonly period: number;
  readonly timeout: number;
  readonly failureThreshold: number;
}

/** A process of an image. */
export interface ProcessContent {
  readonly name: string;
  readonly kind: ProcessKindName;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: "TCP" | "UDP" }[];
  /** Kubernetes quantities; empty for none. */
  readonly resources: {
    readonly cpu: string;
    readonly memory: string;
    readonly cpuLimit: string;
    readonly memoryLimit: string;
  };
  readonly readiness?: ProbeContent;
  readonly liveness?: ProbeContent;
  readonly schedule: string;
  readonly mounts: readonly { readonly volumeClaim: string; readonly path: string; readonly readOnly: boolean }[];
  readonly storage?: { readonly size: string; readonly storageClass: string; readonly path: string };
  /** Seconds. */
  readonly terminationGrace: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A variable: a value, or where it is taken from. */
export interface VariableContent {
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
  readonly use?: SecretUse;
}

/** The whole configuration, with its values: it is sealed wherever it is kept. Each list is sorted by name or path. */
export interface ConfigContent {
  readonly variables: readonly VariableContent[];
  readonly files: readonly { readonly path: string; readonly content: string }[];
  readonly secretMounts: readonly {
    readonly secret: string;
    readonly path: string;
    readonly version: number;
    readonly follows: boolean;
  }[];
}

/** Where pods run. */
export interface PlacementContent {
  readonly target: string;
  readonly namespace: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
}

/** All of a release but its configuration. */
export interface ReleaseContent {
  readonly source: SourceContent;
  /** Empty for a chart. */
  readonly processes: readonly ProcessContent[];
  readonly placement: PlacementContent;
}

/** A release as it runs. */
export interface WholeRelease extends ReleaseContent {
  readonly config: ConfigContent;
}

/** What a configuration is changed by; lists of names and paths are unset. */
export interface ConfigChange {
  readonly setVariables: readonly VariableContent[];
  readonly unsetVariables: readonly string[];
  readonly setFiles: ConfigContent["files"];
  readonly unsetFiles: readonly string[];
  readonly setSecretMounts: ConfigContent["secretMounts"];
  readonly unsetSecretMounts: readonly string[];
}

/** What a release changes of the one that is active when its task runs; what is left out stays. Sealed wherever it is kept. */
export interface ReleaseChange {
  /** Resolved: with its digest or version. */
  readonly source?: SourceContent;
  readonly processes?: readonly ProcessContent[];
  readonly config?: ConfigChange;
  /** Takes parts of that release first. */
  readonly rollback?: { readonly number: number; readonly part: "all" | "source" | "config" };
  readonly placement?: { readonly target: string; readonly namespace: string };
}

/** How many replicas of a process are wanted. */
export interface ScaleEntry {
  readonly replicas: number;
  readonly autoscale?: {
    readonly min: number;
    readonly max: number;
    /** Percent; 0 for none. */
    readonly cpu: number;
    readonly memory: number;
  };
  readonly stopped?: boolean;
}

/** The scale of a deployment by process; a process without an entry has 1 replica. */
export type Scale = Readonly<Record<string, ScaleEntry>>;

/** An object that was applied for a deployment. */
export interface InventoryEntry {
  /** Uuid of the target. */
  readonly target: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Name of the Namespace. */
  readonly namespace: string;
  readonly name: string;
}
