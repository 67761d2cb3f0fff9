import type { KubeObject, ResourceType } from "../../../kube/objects.js";
import type { Scale, WholeRelease } from "../spec/content.js";

/** An object as it is to be applied. */
export interface Manifest {
  readonly type: ResourceType;
  readonly object: KubeObject & Readonly<Record<string, unknown>>;
  /**
   * Set on a workload whose size an autoscaler decides: one that exists keeps its `spec.replicas`, within these bounds;
   * those of the manifest are for one that is new, or that was stopped.
   */
  readonly autoscaled?: { readonly min: number; readonly max: number };
}

/** Whose objects they are. */
export interface ObjectOwner {
  /** Uuid of the deployment. */
  readonly deployment: string;
  readonly project: string;
  /** What they are called, or what their names begin with. */
  readonly objectName: string;
  /** Name of the Namespace. */
  readonly namespace: string;
}

/**
 * The content of secrets that a release uses: values by key, by `secretKey` of secret and version. Registry secrets,
 * which releases name without a version, are there with the version 0: their newest content.
 */
export type SecretContents = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

/** Names one version of a secret in `SecretContents`. */
export const secretKey = (secret: string, version: number): string => `${secret}@${version}`;

/** A release that runs beside the active one for a share of the requests. */
export interface Variant {
  readonly number: number;
  readonly release: WholeRelease;
  readonly percent: number;
}

/** A PersistentVolumeClaim as Pods mount it. */
export interface MountedClaim {
  readonly name: string;
  readonly accessMode: "ReadWriteOnce" | "ReadWriteMany" | "ReadOnlyMany";
}

/** All that objects are made of; the same input gives the same objects. */
export interface RenderInput {
  readonly owner: ObjectOwner;
  /** Number of the release. */
  readonly number: number;
  readonly release: WholeRelease;
  readonly scale: Scale;
  /** Whether nothing shall run: all replicas are 0, jobs are suspended. */
  readonly stopped: boolean;
  readonly variants: readonly Variant[];
  readonly secrets: SecretContents;
  /** By the uuid of their volume claim. */
  readonly claims: ReadonlyMap<string, MountedClaim>;
  /** How long a release may take to become healthy; 600 unless set. */
  readonly rolloutSeconds?: number;
}

/** The objects of a release, in the order in which they are applied. */
export interface Rendered {
  /** What the others need: Secrets, ConfigMaps, sources of charts. */
  readonly first: readonly Manifest[];
  /** Jobs that must end well before the workloads are applied. */
  readonly releaseJobs: readonly Manifest[];
  /** What runs. */
  readonly workloads: readonly Manifest[];
}

/** Makes objects of releases. Pure: nothing is asked or written. */
export interface Engine {
  /** Throws DomainError "precondition" for a release that can never be rendered, whatever secrets and claims hold. */
  check(release: WholeRelease): void;
  /** Throws DomainError "precondition" for what cannot be rendered. */
  render(input: RenderInput): Rendered;
}
