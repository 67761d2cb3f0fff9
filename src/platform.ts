import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { VersionSchema } from "../gen/ts/api/v1/version_pb.js";
import type { Keyring } from "./auth/keyring.js";
import type { MethodRules } from "./auth/rights.js";
import type { SignIn } from "./auth/sign-in/login.js";
import type { SigningKeys } from "./auth/signing-keys.js";
import type { Tokens } from "./auth/tokens.js";
import type { BillingSettings } from "./billing.js";
import type { Caller, CallSubject, Rights } from "./caller.js";
import type { ChangeFeed } from "./changes/feed.js";
import type { Config } from "./config.js";
import type { Database } from "./db/database.js";
import type { KubeClient } from "./kube/client.js";
import type { PartitionSettings } from "./partitions.js";
import type { Registry } from "./registry/registry.js";
import type { Assets } from "./resources/api/assets/assets.js";
import type { Processor } from "./resources/api/payment/processor.js";
import type { Standings } from "./resources/api/payment/standing.js";
import type { StripeLink } from "./resources/api/payment/stripe/link.js";
import type { Passwords } from "./resources/iam/auth/passwords.js";
import type { ConfiguredPool } from "./resources/infra/address-pool/configured-pools.js";

/** What every resource may use. Built once per process, by src/process.ts or by a test. */
export interface Platform {
  readonly db: Database;
  /** A connection for the audit log alone: calls must not wait for their records behind other calls. */
  readonly auditDb: Database;
  readonly clock: () => Date;
  /** A new uuid (version 7, so that they sort by time). */
  readonly newId: () => string;
  readonly log: Logger;
  /** Tells what changed in the database, in this process or another. */
  readonly feed: ChangeFeed;
  readonly keyring: Keyring;
  readonly signingKeys: SigningKeys;
  readonly tokens: Tokens;
  readonly assets: Assets;
  /** The Kubernetes of each partition, by the partition's id. */
  readonly partitions: ReadonlyMap<string, Partition>;
  /** The pools of addresses that the configuration describes. */
  readonly addressPools: readonly ConfiguredPool[];
  /** What use costs and who asks for the money; undefined when the configuration does not say. */
  readonly billing: BillingSettings | undefined;
  /** Who collects the money. */
  readonly processor: Processor;
  /** The way to Stripe, where it collects the money. */
  readonly stripe: StripeLink | undefined;
  /** Whether tenants may use what costs money, and by what means they can pay. */
  readonly standings: Standings;
  /** Registries of images and repositories of charts. */
  readonly registry: Registry;
  readonly methods: Methods;
  /** Signing in at the identity providers of the configuration. */
  readonly signIn: SignIn;
  /** Signing in with passwords, whose guesses are counted here. */
  readonly passwords: Passwords;
  /** The settings that resources need. */
  readonly settings: PlatformSettings;
  /** The public URL of the API, which issues the tokens. */
  readonly issuer: () => string;
  /** The caller as of now, past any cache; throws "unauthenticated" when the token or API key does not hold any more. */
  readonly callerNow: (caller: Caller) => Promise<Caller>;
  /** What a principal may do now, past any cache; undefined for an unknown or disabled one. */
  readonly rightsOf: (principal: string) => Promise<Rights | undefined>;
  /** Takes down that a credential was used now; those of calls with API keys are taken down by themselves. */
  readonly credentialUses: { note(id: string): void };
  readonly build: Build;
}

/** What the configuration says to resources. */
export type PlatformSettings = Pick<
  Config,
  | "redirectUrls"
  | "passwordSignIn"
  | "consoleTokenSeconds"
  | "accessTokenSeconds"
  | "sessionSeconds"
  | "admitTenants"
  | "addressQuarantineSeconds"
  | "addressesPerProject"
  | "targetAddresses"
  | "auditRetentionDays"
  | "auditExportFile"
>;

/** One place where clusters run, and how to reach the Kubernetes that makes them. */
export interface Partition {
  readonly kube: KubeClient;
  readonly settings: PartitionSettings;
}

/** What the contract says of its methods, named like "/api.v1.ClusterService/Get". */
export interface Methods extends MethodRules {
  /** All that can be called from outside. */
  readonly names: ReadonlySet<string>;
  /** Every permission that a role can be made of, by its dotted name, and what it stands for. */
  readonly permissions: ReadonlyMap<string, PermissionFacts>;
  /** Whether the method's options let the caller call it on that subject (project uuid or tenant login). */
  may(caller: Caller, method: string, subject: string): boolean;
  /** The same for any subject, and why; undefined for an unknown method. */
  decide(caller: Caller, method: string, about: CallSubject): CallDecision | undefined;
}

/** What a permission stands for. */
export interface PermissionFacts {
  readonly methods: ReadonlySet<string>;
  /** The kinds of scope where a role with it has an effect; on the platform are the methods that admins alone call. */
  readonly scopes: ReadonlySet<PermissionScope>;
}

export type PermissionScope = "platform" | "tenant" | "project" | "environment" | "deployment";

/** Whether a call would be let through, and on what ground ("project role") or for which reason not. */
export type CallDecision =
  | { readonly allowed: true; readonly ground: string }
  | { readonly allowed: false; readonly message: string };

/** Which build of the server this is. */
export type Build = Required<
  Pick<
    Exclude<MessageInitShape<typeof VersionSchema>, { $typeName: string }>,
    "version" | "revision" | "gitSha1" | "buildDate"
  >
>;
