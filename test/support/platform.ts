import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { startBackground } from "../../src/background.js";
import { type RunningApi, serveApi, urlOf } from "../../src/commands/api.js";
import { offerOf } from "../../src/commands/dev-kube.js";
import { type Config, loadConfig } from "../../src/config.js";
import { clusterApiSimulator } from "../../src/kube/embedded/cluster-api/simulator.js";
import type { EmbeddedKube } from "../../src/kube/embedded/embedded-kube.js";
import { gardenerSimulator } from "../../src/kube/embedded/gardener/simulator.js";
import { startEmbeddedKube } from "../../src/kube/embedded/server.js";
import { startHostWorkloads } from "../../src/kube/embedded/workloads/host.js";
import type { Platform } from "../../src/platform.js";
import { type OpenPlatform, openPlatform } from "../../src/process.js";
import { startDemoRegistry } from "../../src/registry/demo/server.js";
import { parseAssets } from "../../src/resources/api/assets/assets.js";
import { projectStore } from "../../src/resources/api/project/store.js";
import type { ProjectRoleName } from "../../src/resources/api/roles.js";
import { tenantStore } from "../../src/resources/api/tenant/store.js";
import { issueToken, type TokenOrder } from "../../src/resources/api/token/issue.js";
import { principalStore } from "../../src/resources/iam/principal/store.js";
import { openTestDatabase, type TestDatabase } from "./database.js";

/** A line of the log, parsed. */
export type LogLine = Record<string, unknown> & { level: number; msg: string };

/** A tenant with a project and tokens that the tests make. */
export interface TestTenant {
  readonly tenant: string;
  readonly project: string;
  readonly tokens: Readonly<Record<ProjectRoleName, string>>;
}

/** The whole platform on free ports: API, worker, a database, and a Kubernetes with a simulated Gardener. */
export interface TestPlatform extends TestTenant {
  readonly url: string;
  readonly platform: Platform;
  readonly open: OpenPlatform;
  readonly database: TestDatabase;
  readonly kube: TestKube;
  readonly config: Config;
  readonly lines: readonly LogLine[];
  readonly adminToken: string;
  readonly api: RunningApi;
  /** A client over gRPC, unless another transport is given. */
  client<S extends DescService>(service: S, transport?: Transport): Client<S>;
  /** Another tenant with a project of its own. */
  newTenant(): Promise<TestTenant>;
  /** A token with other grants than the usual ones. */
  token(grant: TokenGrant): Promise<string>;
  /** From now on no worker runs. */
  stopBackground(): Promise<void>;
  close(): Promise<void>;
}

export type TokenGrant = Pick<TokenOrder, "owner" | "projectRoles" | "tenantRoles" | "adminRole">;

export interface TestPlatformOptions {
  /** How many times faster than in dev clusters come and go; 100 unless told. */
  readonly timeScale?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether jobs and controllers run; they do unless told. */
  readonly background?: boolean;
  /** Keeps the Kubernetes here, so that `startTestKube` can start it again; in memory unless told. */
  readonly kubeDirectory?: string;
  /** What the platform takes for the time; that of the machine unless told. */
  readonly clock?: () => Date;
  /** Whether the management cluster has nodes and plays workloads, so that it can be a target; not unless told. */
  readonly hostWorkloads?: boolean;
  /** Changes the kubeconfig that the platform uses, to lead it through a proxy. */
  readonly reroute?: (kubeconfig: string) => Promise<string>;
}

/** The call options that carry a token. */
export const as = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } });

/** Starts everything; close it at the end of the test file. */
export async function startPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  const lines: LogLine[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) });
  const registry = await startDemoRegistry();
  const config = loadConfig({
    SLIPWAY_LISTEN: "127.0.0.1:0",
    SLIPWAY_RATE_LIMIT: "0",
    SLIPWAY_TOKEN_RATE_LIMIT: "0",
    SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
    SLIPWAY_TARGET_ADDRESSES: "any",
    SLIPWAY_REGISTRY_MIRRORS: `*=${registry.url}`,
    SLIPWAY_KEYRING: `test:${randomBytes(32).toString("base64")}`,
    ...options.env,
  });
  const database = await openTestDatabase();
  const directory = options.kubeDirectory;
  const assets = config.assetsFile === undefined ? undefined : await readFile(config.assetsFile, "utf8");
  const again = directory === undefined ? {} : { directory };
  const kube = await startTestKube(options.timeScale ?? 100, again, assets, options.hostWorkloads);
  let url = "";
  const open = await openPlatform({
    ...config,
    server: database.server,
    log,
    issuer: () => url,
    kubeconfig: (await options.reroute?.(kube.kubeconfig)) ?? kube.kubeconfig,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  let background =
    options.background === false
      ? undefined
      : await startBackground(open.platform, database.server, { concurrency: 4 });
  const api = await serveApi(open, database.server, config, config.listen);
  url = urlOf(api.address, config.tls !== undefined);
  const { platform } = open;
  const token = (grant: TokenGrant) => newToken(platform, grant);
  await principalStore.ensureUser(platform.db, "root", platform.clock(), "editor");
  const adminToken = await token({ owner: "root", projectRoles: {}, tenantRoles: {}, adminRole: "editor" });
  const own = await createTenant(platform);
  const grpc = createGrpcTransport({ baseUrl: url });
  return {
    ...own,
    url,
    platform,
    open,
    database,
    kube,
    config,
    lines,
    adminToken,
    api,
    client: (service, transport = grpc) => createClient(service, transport),
    newTenant: () => createTenant(platform),
    token,
    async stopBackground() {
      await background?.stop();
      background = undefined;
    },
    async close() {
      await api.stop();
      await background?.stop();
      await open.close();
      await kube.close();
      await database.close();
      await registry.close();
    },
  };
}

/** The embedded Kubernetes with a simulated Gardener and Cluster API, in memory. */
export interface TestKube {
  readonly embedded: EmbeddedKube;
  /** The text of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  close(): Promise<void>;
}

/** Starts a Kubernetes on a free port, or on the port and directory of an earlier one. */
export async function startTestKube(
  timeScale: number,
  again: { readonly directory?: string; readonly port?: number } = {},
  assets?: string,
  hostWorkloads = false,
): Promise<TestKube> {
  const simulated = { ...offerOf(parseAssets(assets)), timeScale };
  const simulators = [gardenerSimulator(simulated), clusterApiSimulator(simulated)];
  const extensions = [...new Set(simulators.flatMap((simulator) => simulator.extensions))];
  const embedded = await startEmbeddedKube({ ...again, extensions });
  const running = await Promise.all([
    ...simulators.map((simulator) => simulator.start(embedded)),
    ...(hostWorkloads
      ? [startHostWorkloads(embedded.store, { clock: () => new Date(), timeScale, log: pino({ enabled: false }) })]
      : []),
  ]);
  return {
    embedded,
    kubeconfig: embedded.adminKubeconfig,
    async close() {
      await Promise.all(running.map((controller) => controller.stop()));
      await embedded.close();
    },
  };
}

/** Makes a tenant with a project, straight in the database, and tokens for it. */
export async function createTenant(platform: Platform): Promise<TestTenant> {
  const { db, clock } = platform;
  const now = clock();
  const stamps = { createdAt: now, updatedAt: now };
  const tenant = `t-${randomBytes(4).toString("hex")}`;
  const project = uuidv7();
  await principalStore.ensureUser(db, tenant, now);
  await tenantStore.ensure(db, { login: tenant, name: tenant, createdBy: tenant, admitted: true, ...stamps });
  await tenantStore.setMember(db, tenant, tenant, "owner", now);
  await projectStore.insert(db, { id: project, tenant, name: "default", description: "", isDefault: true, ...stamps });
  const token = (role: ProjectRoleName) =>
    newToken(platform, { owner: tenant, projectRoles: { "*": role }, tenantRoles: { "*": role }, adminRole: null });
  return {
    tenant,
    project,
    tokens: { owner: await token("owner"), editor: await token("editor"), viewer: await token("viewer") },
  };
}

async function newToken(platform: Platform, grant: TokenGrant): Promise<string> {
  const { db, tokens, clock, newId } = platform;
  const order = { ...grant, id: newId(), type: "api", permissions: {}, description: "made by a test" } as const;
  return (await issueToken(db, tokens, { ...order, now: clock(), seconds: 3_600 })).secret;
}
