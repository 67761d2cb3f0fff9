import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { v7 as uuidv7 } from "uuid";
import { reloadCaller } from "./auth/callers.js";
import { createKeyring } from "./auth/keyring.js";
import { loadRights } from "./auth/load-rights.js";
import { createPrincipals, type Principals } from "./auth/principals.js";
import { createSignIn } from "./auth/sign-in/sign-in.js";
import { createSigningKeys } from "./auth/signing-keys.js";
import { createTokens } from "./auth/tokens.js";
import { demoBilling, parseBilling } from "./billing-file.js";
import { readBuild } from "./build.js";
import { openChangeFeed } from "./changes/feed.js";
import type { Config, KeyringKey } from "./config.js";
import type { DatabaseServer } from "./db/database.js";
import { type KubeClient, openKube } from "./kube/client.js";
import { createMethods } from "./methods.js";
import { type PartitionSettings, parsePartitions } from "./partitions.js";
import type { Partition, Platform, PlatformSettings } from "./platform.js";
import { parseProviders } from "./providers.js";
import { openRegistry } from "./registry/open-registry.js";
import { parseAssets } from "./resources/api/assets/assets.js";
import { openProcessor } from "./resources/api/payment/open-processor.js";
import { createStandings } from "./resources/api/payment/standing.js";
import { createPasswords } from "./resources/iam/auth/passwords.js";
import { createCredentialUses, notingUses } from "./resources/iam/credential/uses.js";
import { parseAddressPools } from "./resources/infra/address-pool/configured-pools.js";

/** Changes are kept for so long; a process that was away longer reads everything again. */
export const changeRetentionMs = 3_600_000;

export interface PlatformOptions
  extends PlatformSettings,
    Pick<
      Config,
      | "maxFeedSilenceMs"
      | "providersFile"
      | "addressPoolsFile"
      | "billingFile"
      | "paymentProcessor"
      | "stripe"
      | "registryAddresses"
      | "registryMirrors"
    > {
  readonly server: DatabaseServer;
  readonly log: Logger;
  readonly keyring: readonly KeyringKey[];
  /** The public URL of the API, which issues the tokens. */
  readonly issuer: () => string;
  /** Whether tokens hold that were issued under another URL; they do not unless told. */
  readonly anyIssuer?: boolean;
  /** Path or text of the kubeconfig of partitions that name none; the pod's service account unless given. */
  readonly kubeconfig: string | undefined;
  readonly assetsFile?: string | undefined;
  readonly partitionsFile?: string | undefined;
  /** Whether use has demo prices where no billing file is given. */
  readonly demoPrices?: boolean;
  readonly clock?: () => Date;
}

/** What a process works with, and how to let go of it. */
export interface OpenPlatform {
  readonly platform: Platform;
  readonly principals: Principals;
  /** Does not close the database, which was given. */
  close(): Promise<void>;
}

/** Opens everything that the resources use, on a database whose schema is up to date. */
export async function openPlatform(options: PlatformOptions): Promise<OpenPlatform> {
  const { server, log, clock = () => new Date() } = options;
  const { db } = server;
  const assets = await readSetting("SLIPWAY_ASSETS_FILE", options.assetsFile, parseAssets);
  const settings = await readSetting("SLIPWAY_PARTITIONS_FILE", options.partitionsFile, (text) =>
    parsePartitions(text, assets),
  );
  const providers = await readSetting("SLIPWAY_PROVIDERS_FILE", options.providersFile, parseProviders);
  const addressPools = await readSetting("SLIPWAY_ADDRESS_POOLS_FILE", options.addressPoolsFile, (text) =>
    parseAddressPools(text, assets.partitions),
  );
  const billing = await readSetting("SLIPWAY_BILLING_FILE", options.billingFile, (text) => {
    if (text !== undefined) return parseBilling(text, assets);
    return options.demoPrices === true ? demoBilling(assets) : undefined;
  });
  const kube = await openPartitions(settings, options.kubeconfig, log);
  const keyring = createKeyring(options.keyring);
  const { issuer, anyIssuer, maxFeedSilenceMs } = options;
  // A feed at rest must not count as silent.
  const pollMs = Math.min(1_000, maxFeedSilenceMs / 4);
  const feed = await openChangeFeed(server, { log, clock, pollMs, retentionMs: changeRetentionMs });
  // Either way: a clock that was set back says nothing of the feed.
  const isTold = () => Math.abs(clock().getTime() - feed.status().lastReadAt.getTime()) < maxFeedSilenceMs;
  const signingKeys = createSigningKeys(db, keyring, clock, { isTold });
  // The first to hear of it: then callers are judged anew.
  feed.subscribe("signing_key", () => signingKeys.forget());
  const tokens = createTokens(signingKeys, issuer, clock, { anyIssuer });
  const methods = createMethods();
  const uses = createCredentialUses(db, log, clock);
  const principals = notingUses(createPrincipals({ db, feed, tokens, clock, rules: methods, maxFeedSilenceMs }), uses);
  const sources = { db, keyring, tokens, log, clock, newId: uuidv7, issuer };
  const rightsOf: Platform["rightsOf"] = async (principal) => (await loadRights(db, principal, methods))?.rights;
  const { processor, stripe } = openProcessor({ ...options, billing, clock });
  const standings = createStandings({ db, feed, clock, billing, isTold });
  const signIn = createSignIn({ ...sources, providers, settings: options, methods, rightsOf });
  const platform: Platform = {
    db,
    auditDb: server.reserved,
    clock,
    newId: uuidv7,
    log,
    feed,
    keyring,
    signingKeys,
    tokens,
    assets,
    partitions: kube.partitions,
    addressPools,
    billing,
    processor,
    stripe,
    standings,
    registry: openRegistry({ addresses: options.registryAddresses, mirrors: options.registryMirrors }),
    methods,
    signIn,
    passwords: createPasswords({ ...sources, settings: options }),
    settings: options,
    issuer,
    callerNow: (caller) => reloadCaller({ db, clock, rules: methods }, caller),
    rightsOf,
    credentialUses: uses,
    build: readBuild(),
  };
  return {
    platform,
    principals,
    async close() {
      principals.close();
      standings.close();
      await uses.close();
      await feed.close();
      kube.close();
    },
  };
}

/** Partitions that share a kubeconfig share its client, and so its connections. */
async function openPartitions(
  settings: ReadonlyMap<string, PartitionSettings>,
  kubeconfig: string | undefined,
  log: Logger,
) {
  const clients = new Map<string | undefined, KubeClient>();
  const partitions = new Map<string, Partition>();
  for (const [id, partition] of settings) {
    const source = partition.kubeconfig ?? kubeconfig;
    const kube = clients.get(source) ?? openKube({ kubeconfig: source, log });
    if (!clients.has(source)) await demandKubeconfig(kube, partition.kubeconfig === undefined ? undefined : id);
    clients.set(source, kube);
    partitions.set(id, { kube, settings: partition });
  }
  return {
    partitions,
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** A Kubernetes that does not answer is no reason not to start; a kubeconfig that cannot be read is. */
async function demandKubeconfig(kube: KubeClient, partition: string | undefined): Promise<void> {
  const setting = partition === undefined ? "KUBECONFIG" : `the kubeconfig of partition ${partition}`;
  await kube.load().catch((error: Error) => {
    throw new Error(`${setting} cannot be used: ${error.message}`, { cause: error });
  });
}

/** Reads what the file of a setting says, or the default where the setting is not given. */
export async function readSetting<T>(
  setting: string,
  path: string | undefined,
  parse: (text: string | undefined) => T,
): Promise<T> {
  try {
    return parse(path === undefined ? undefined : await readFile(path, "utf8"));
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new Error(path === undefined ? `${reason}` : `${setting} (${path}): ${reason}`, { cause: error });
  }
}
