import type { ApiExtension, IssuedKubeconfig, KubeconfigOptions } from "./extension.js";
import type { ObjectStore } from "./types.js";

/** How to start the embedded Kubernetes API. */
export interface EmbeddedKubeOptions {
  /** Where objects and the certificate authority are kept; absent: in memory only. */
  readonly directory?: string;
  /** Default "127.0.0.1". */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly clock?: () => Date;
  readonly log?: KubeLog;
  readonly extensions?: readonly ApiExtension[];
}

/** The part of a pino logger that the server uses. */
export interface KubeLog {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** One virtual cluster in process. */
export interface VirtualCluster {
  readonly name: string;
  /** Where its API begins, such as "https://127.0.0.1:6443/clusters/demo". */
  readonly url: string;
  readonly store: ObjectStore;
}

/** A running server: the management cluster at its root, others below /clusters/<name>. */
export interface EmbeddedKube {
  /** Such as "https://127.0.0.1:6443". */
  readonly url: string;
  /** Kubeconfig (YAML) of a member of system:masters for the management cluster; holds a private key. */
  readonly adminKubeconfig: string;
  /** Objects of the management cluster. */
  readonly store: ObjectStore;
  /** Issues a kubeconfig with a client certificate of its own. */
  kubeconfig(options: KubeconfigOptions): Promise<IssuedKubeconfig>;
  /** Signs a client's certificate request (PEM); `groups` are added to those of its subject. Answers PEM. */
  signRequest(request: string, groups: readonly string[], seconds: number): Promise<string>;
  /** Makes an empty cluster with its standard namespaces; answers the existing one when there is one. */
  createCluster(name: string): Promise<VirtualCluster>;
  /** Removes a cluster and all of its objects; watches on it end. No error when there is none. */
  deleteCluster(name: string): Promise<void>;
  cluster(name: string): VirtualCluster | undefined;
  /** Ends watches, finishes writes and closes the files. */
  close(): Promise<void>;
}
