import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { ProjectRole, TenantRole } from "../gen/ts/api/v1/common_pb.js";
import type { VersionSchema } from "../gen/ts/api/v1/version_pb.js";
import type { Keyring } from "./auth/keyring.js";
import type { Tokens } from "./auth/tokens.js";
import type { Caller } from "./caller.js";
import type { ChangeFeed } from "./changes/feed.js";
import type { Database } from "./db/database.js";
import type { KubeClient } from "./kube/client.js";
import type { PartitionSettings } from "./partitions.js";
import type { Assets } from "./resources/api/assets/assets.js";

/** What every resource may use. Built once per process, by src/process.ts or by a test. */
export interface Platform {
  readonly db: Database;
  readonly clock: () => Date;
  /** A new uuid (version 7, so that they sort by time). */
  readonly newId: () => string;
  readonly log: Logger;
  /** Tells what changed in the database, in this process or another. */
  readonly feed: ChangeFeed;
  readonly keyring: Keyring;
  readonly tokens: Tokens;
  readonly assets: Assets;
  /** The Kubernetes of each partition, by the partition's id. */
  readonly partitions: ReadonlyMap<string, Partition>;
  readonly methods: Methods;
  readonly build: Build;
}

/** One place where clusters run, and how to reach the Kubernetes that makes them. */
export interface Partition {
  readonly kube: KubeClient;
  readonly settings: PartitionSettings;
}

/** What the contract says of its methods, named like "/api.v1.ClusterService/Get". */
export interface Methods {
  /** All that can be called from outside. */
  readonly names: ReadonlySet<string>;
  /** Whether the method's options let the caller call it on that subject (project uuid or tenant login). */
  may(caller: Caller, method: string, subject: string): boolean;
  /** Whether one of these roles, held in the right subject, suffices for the method. */
  admits(
    method: string,
    roles: { readonly project: ProjectRole | undefined; readonly tenant: TenantRole | undefined },
  ): boolean;
}

/** Which build of the server this is. */
export type Build = Required<
  Pick<
    Exclude<MessageInitShape<typeof VersionSchema>, { $typeName: string }>,
    "version" | "revision" | "gitSha1" | "buildDate"
  >
>;
