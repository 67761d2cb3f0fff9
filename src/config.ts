import { parseMirror } from "./registry/mirrors.js";

/** An address to listen on; port 0 takes any free port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The settings of a process; docs/configuration.md lists the environment variable of each. */
export interface Config {
  /** PostgreSQL; undefined means the embedded database of `slipway dev`. */
  readonly databaseUrl: string | undefined;
  readonly databasePoolSize: number;
  /** How many calls may wait for a connection of the pool before further ones are refused; 0 turns the limit off. */
  readonly databasePoolQueue: number;
  readonly listen: Address;
  /** Processes of `slipway serve` that answer calls on the one port. */
  readonly processes: number;
  /** Where /metrics is served. */
  readonly metricsListen: Address;
  /** Where `slipway dev` serves its Kubernetes. */
  readonly kubeListen: Address;
  /** The URL that callers use; it is the issuer of the tokens. Undefined: derived from `listen`. */
  readonly publicUrl: string | undefined;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Origins of browsers that may call; "*" allows all. */
  readonly corsOrigins: readonly string[];
  /** Whether the web console and the sessions of its browsers are served. */
  readonly console: boolean;
  /** Addresses and CIDRs whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly maxMessageBytes: number;
  /** Calls per second that one source address may make without a token; 0 turns the limit off. */
  readonly rateLimit: number;
  /** Calls per second that one token may make; 0 turns the limit off. */
  readonly tokenRateLimit: number;
  /** Streams without a token that may be open at once, of all callers; 0 turns the limit off. */
  readonly anonymousStreams: number;
  /** The same of one source address, or IPv6 /64. */
  readonly anonymousStreamsPerNetwork: number;
  /** Streams with one token that may be open at once; 0 turns the limit off. */
  readonly tokenStreams: number;
  /** Connections at once, of all callers. */
  readonly maxConnections: number;
  /** The same of one source address, or IPv6 /64, that is no trusted proxy; 0 turns the limit off. */
  readonly maxConnectionsPerNetwork: number;
  /** How long what is known of callers is believed while the change feed is silent. */
  readonly maxFeedSilenceMs: number;
  /** File that lists the identity providers. */
  readonly providersFile: string | undefined;
  /** Where a sign-in may lead the browser back to, beside the loopback: origins, or URLs to the letter. */
  readonly redirectUrls: readonly string[];
  /** Whether users may sign in with a name and a password. */
  readonly passwordSignIn: boolean;
  /** Lifetime of the token that a browser sign-in at /auth ends with. */
  readonly consoleTokenSeconds: number;
  /** Lifetime of the access tokens of AuthService/ExchangeToken. */
  readonly accessTokenSeconds: number;
  /** How long a session can be renewed before the user must sign in again. */
  readonly sessionSeconds: number;
  /** Whether new tenants may consume chargeable resources at once, or wait for an operator. */
  readonly admitTenants: "manual" | "automatic";
  /** File that lists the pools of addresses. */
  readonly addressPoolsFile: string | undefined;
  /** File that says what use costs and who asks for the money. */
  readonly billingFile: string | undefined;
  /** Who collects the money: nobody beside the own books, or Stripe. */
  readonly paymentProcessor: "ledger" | "stripe";
  /** How long a released address is not handed out again. */
  readonly addressQuarantineSeconds: number;
  /** How many addresses a project may have; 0 turns the limit off. */
  readonly addressesPerProject: number;
  /** Where the API servers of foreign targets may be. */
  readonly targetAddresses: "public" | "private" | "any";
  /** Where registries of images and repositories of charts may be; those of the mirrors may be anywhere. */
  readonly registryAddresses: "public" | "private" | "any";
  /** URLs that are asked instead of registries and chart repositories, by host; that of `*` instead of all others. */
  readonly registryMirrors: ReadonlyMap<string, string>;
  readonly auditRetentionDays: number;
  /** File to which every audit record is appended as a line of JSON. */
  readonly auditExportFile: string | undefined;
  readonly shutdownGraceMs: number;
  readonly logLevel: string;
  /** One of so many successful reads is logged; refusals and all other calls always are. */
  readonly logReadsOneIn: number;
  /** Path of the kubeconfig; undefined means the embedded API server of `slipway dev`. */
  readonly kubeconfig: string | undefined;
  readonly assetsFile: string | undefined;
  readonly partitionsFile: string | undefined;
  /** Keys that encrypt secrets at rest, `id:base64` of 32 bytes each, newest first. */
  readonly keyring: readonly KeyringKey[];
  readonly workerConcurrency: number;
  /** Access to Stripe; undefined unless its keys are given. */
  readonly stripe: StripeSettings | undefined;
}

/** Keys of a Stripe account. */
export interface StripeSettings {
  readonly secretKey: string;
  /** Not secret: browsers get it. */
  readonly publishableKey: string;
  /** Secrets that webhooks may be signed with: two while one replaces the other. */
  readonly webhookSecrets: readonly string[];
  /** Where Stripe's API is, for proxies and tests; undefined for Stripe's own address. */
  readonly url: string | undefined;
}

/** One key of the keyring. */
export interface KeyringKey {
  readonly id: string;
  readonly key: Uint8Array;
}

type Env = Readonly<Record<string, string | undefined>>;

const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

/** Reads the settings from the environment; throws one error that names every fault. */
export function loadConfig(env: Env): Config {
  const faults: string[] = [];
  const read = reader(env, faults);
  const certFile = read.text("SLIPWAY_TLS_CERT_FILE");
  const keyFile = read.text("SLIPWAY_TLS_KEY_FILE");
  if ((certFile === undefined) !== (keyFile === undefined)) {
    faults.push("SLIPWAY_TLS_CERT_FILE and SLIPWAY_TLS_KEY_FILE are given together or not at all");
  }
  const listen = read.address("SLIPWAY_LISTEN", { host: "127.0.0.1", port: 8080 });
  const config: Config = {
    databaseUrl: read.url("DATABASE_URL", ["postgres:", "postgresql:"]),
    databasePoolSize: read.integer("SLIPWAY_DATABASE_POOL_SIZE", 10, 2, 1000),
    databasePoolQueue: read.integer("SLIPWAY_DATABASE_POOL_QUEUE", 1_000, 0, 1_000_000),
    listen,
    processes: read.integer("SLIPWAY_PROCESSES", 1, 1, 128),
    metricsListen: read.address("SLIPWAY_METRICS_LISTEN", beside(listen, 1)),
    kubeListen: read.address("SLIPWAY_KUBE_LISTEN", beside(listen, 2)),
    publicUrl: read.url("SLIPWAY_PUBLIC_URL", ["http:", "https:"])?.replace(/\/+$/, ""),
    tls: certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined,
    corsOrigins: read.list("SLIPWAY_CORS_ORIGINS"),
    console: read.oneOf("SLIPWAY_CONSOLE", "on", ["on", "off"]) === "on",
    trustedProxies: read.list("SLIPWAY_TRUSTED_PROXIES"),
    maxMessageBytes: read.integer("SLIPWAY_MAX_MESSAGE_BYTES", 4 * 1024 * 1024, 1024, 256 * 1024 * 1024),
    rateLimit: read.integer("SLIPWAY_RATE_LIMIT", 1_000, 0, 1_000_000),
    tokenRateLimit: read.integer("SLIPWAY_TOKEN_RATE_LIMIT", 1_000, 0, 1_000_000),
    anonymousStreams: read.integer("SLIPWAY_ANONYMOUS_STREAMS", 10_000, 0, 1_000_000),
    anonymousStreamsPerNetwork: read.integer("SLIPWAY_ANONYMOUS_STREAMS_PER_NETWORK", 1_000, 0, 1_000_000),
    tokenStreams: read.integer("SLIPWAY_TOKEN_STREAMS", 1_000, 0, 1_000_000),
    maxConnections: read.integer("SLIPWAY_MAX_CONNECTIONS", 10_000, 10, 1_000_000),
    maxConnectionsPerNetwork: read.integer("SLIPWAY_MAX_CONNECTIONS_PER_NETWORK", 1_000, 0, 1_000_000),
    maxFeedSilenceMs: read.integer("SLIPWAY_MAX_FEED_SILENCE_SECONDS", 5, 1, 300) * 1000,
    providersFile: read.text("SLIPWAY_PROVIDERS_FILE"),
    redirectUrls: read.list("SLIPWAY_REDIRECT_URLS"),
    passwordSignIn: read.oneOf("SLIPWAY_PASSWORD_SIGN_IN", "off", ["on", "off"]) === "on",
    consoleTokenSeconds: read.integer("SLIPWAY_CONSOLE_TOKEN_SECONDS", 8 * 3_600, 600, 7 * 86_400),
    accessTokenSeconds: read.integer("SLIPWAY_ACCESS_TOKEN_SECONDS", 3_600, 60, 86_400),
    sessionSeconds: read.integer("SLIPWAY_SESSION_SECONDS", 30 * 86_400, 3_600, 365 * 86_400),
    admitTenants: read.oneOf("SLIPWAY_ADMIT_TENANTS", "manual", ["manual", "automatic"]),
    addressPoolsFile: read.text("SLIPWAY_ADDRESS_POOLS_FILE"),
    billingFile: read.text("SLIPWAY_BILLING_FILE"),
    paymentProcessor: read.oneOf("SLIPWAY_PAYMENT_PROCESSOR", "ledger", ["ledger", "stripe"]),
    addressQuarantineSeconds: read.integer("SLIPWAY_ADDRESS_QUARANTINE_SECONDS", 3_600, 0, 30 * 86_400),
    addressesPerProject: read.integer("SLIPWAY_ADDRESSES_PER_PROJECT", 256, 0, 1_000_000),
    targetAddresses: read.oneOf("SLIPWAY_TARGET_ADDRESSES", "public", ["public", "private", "any"]),
    registryAddresses: read.oneOf("SLIPWAY_REGISTRY_ADDRESSES", "public", ["public", "private", "any"]),
    registryMirrors: read.mirrors("SLIPWAY_REGISTRY_MIRRORS"),
    auditRetentionDays: read.integer("SLIPWAY_AUDIT_RETENTION_DAYS", 90, 1, 3_650),
    auditExportFile: read.text("SLIPWAY_AUDIT_EXPORT_FILE"),
    shutdownGraceMs: read.integer("SLIPWAY_SHUTDOWN_GRACE_SECONDS", 20, 0, 600) * 1000,
    logLevel: read.oneOf("SLIPWAY_LOG_LEVEL", "info", logLevels),
    logReadsOneIn: read.integer("SLIPWAY_LOG_SAMPLE_READS", 1, 1, 1_000_000),
    kubeconfig: read.text("KUBECONFIG"),
    assetsFile: read.text("SLIPWAY_ASSETS_FILE"),
    partitionsFile: read.text("SLIPWAY_PARTITIONS_FILE"),
    keyring: read.keyring("SLIPWAY_KEYRING"),
    workerConcurrency: read.integer("SLIPWAY_WORKER_CONCURRENCY", 4, 1, 100),
    stripe: readStripe(read, faults),
  };
  // The job queue listens on one connection of the pool, and one is for everything else.
  if (config.databasePoolSize < config.workerConcurrency + 2) {
    faults.push("SLIPWAY_DATABASE_POOL_SIZE must be at least SLIPWAY_WORKER_CONCURRENCY + 2");
  }
  if (faults.length > 0) throw new Error(`bad configuration: ${faults.join("; ")}`);
  return config;
}

const stripeNames = {
  secretKey: "SLIPWAY_STRIPE_SECRET_KEY",
  publishableKey: "SLIPWAY_STRIPE_PUBLISHABLE_KEY",
  webhookSecrets: "SLIPWAY_STRIPE_WEBHOOK_SECRET",
} as const;

/** The keys of Stripe, which are given all together or not at all. */
function readStripe(read: ReturnType<typeof reader>, faults: string[]): StripeSettings | undefined {
  const url = read.url("SLIPWAY_STRIPE_URL", ["http:", "https:"]);
  const secretKey = read.text(stripeNames.secretKey);
  const publishableKey = read.text(stripeNames.publishableKey);
  const webhookSecrets = read.list(stripeNames.webhookSecrets);
  if (secretKey !== undefined && publishableKey !== undefined && webhookSecrets.length > 0) {
    return { secretKey, publishableKey, webhookSecrets, url };
  }
  const names = Object.values(stripeNames);
  const isWanted = read.text("SLIPWAY_PAYMENT_PROCESSOR") === "stripe";
  if (isWanted || names.some((name) => read.text(name) !== undefined)) {
    const missing = names.filter((name) => read.list(name).length === 0);
    faults.push(`${missing.join(", ")} must be given to use Stripe`);
  }
  return undefined;
}

function reader(env: Env, faults: string[]) {
  const text = (name: string): string | undefined => env[name] || undefined;
  return {
    text,
    list: (name: string): string[] =>
      (text(name) ?? "")
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
    integer(name: string, fallback: number, least: number, most: number): number {
      const value = Number(text(name) ?? fallback);
      if (Number.isInteger(value) && value >= least && value <= most) return value;
      faults.push(`${name} must be a whole number from ${least} to ${most}`);
      return fallback;
    },
    oneOf<Value extends string>(name: string, fallback: Value, allowed: readonly Value[]): Value {
      const value = text(name) ?? fallback;
      const found = allowed.find((candidate) => candidate === value);
      if (found === undefined) faults.push(`${name} must be one of ${allowed.join(", ")}`);
      return found ?? fallback;
    },
    url(name: string, protocols: readonly string[]): string | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      // The value may hold a password: it is never part of the message.
      if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
        faults.push(`${name} must be a URL that begins with ${protocols.map((p) => `${p}//`).join(" or ")}`);
      }
      return value;
    },
    mirrors(name: string): ReadonlyMap<string, string> {
      const items = (text(name) ?? "").split(",").filter((item) => item.trim() !== "");
      const mirrors = items.map((item) => parseMirror(item.trim()));
      const found = new Map(mirrors.filter((mirror) => mirror !== undefined));
      if (found.size < items.length) {
        faults.push(`${name} must be a list of HOST=URL or *=URL, each host once, with URLs of http:// or https://`);
      }
      return found;
    },
    address(name: string, fallback: Address): Address {
      const value = text(name);
      if (value === undefined) return fallback;
      const address = parseAddress(value);
      if (address === undefined) faults.push(`${name} must be HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080`);
      return address ?? fallback;
    },
    keyring(name: string): KeyringKey[] {
      return (text(name) ?? "")
        .split(",")
        .filter((item) => item !== "")
        .flatMap((item) => {
          const key = parseKeyringKey(item);
          if (key === undefined) faults.push(`${name} must be a list of ID:BASE64 with 32 bytes each`);
          return key ?? [];
        });
    },
  };
}

/** The next ports of this machine after the API's; a free one where that is free, too. */
function beside(listen: Address, offset: number): Address {
  return { host: "127.0.0.1", port: listen.port === 0 ? 0 : Math.min(listen.port + offset, 65_535) };
}

/** Reads HOST:PORT, with an IPv6 host in brackets; undefined when it is neither. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port <= 65_535 ? { host, port } : undefined;
}

/** Reads one key of the keyring, `id:base64`; undefined when it is not 32 bytes long. */
export function parseKeyringKey(text: string): KeyringKey | undefined {
  const match = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/=_-]+)$/.exec(text.trim());
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const key = new Uint8Array(Buffer.from(match[2], "base64"));
  return key.length === 32 ? { id: match[1], key } : undefined;
}
