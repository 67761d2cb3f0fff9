import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { loadConfig, parseKeyringKey } from "../../../src/config.js";
import type { KubeObject } from "../../../src/kube/embedded/types.js";
import type { Platform } from "../../../src/platform.js";
import { openPlatform } from "../../../src/process.js";
import { keys } from "../../../src/resources/api/cluster/gardener-types.js";
import type { ClusterRow } from "../../../src/resources/api/cluster/store.js";
import { clusterStore } from "../../../src/resources/api/cluster/store.js";
import { openTestDatabase, type TestDatabase } from "../../support/database.js";
import { createTenant, startTestKube, type TestKube, type TestTenant } from "../../support/platform.js";
import { type TestProcess, type TestProcesses, testProcesses } from "../../support/process.js";

/** A database, a Kubernetes and a tenant, for `slipway serve` and `slipway worker` in processes of their own. */
export interface Site extends TestTenant {
  readonly database: TestDatabase;
  readonly kube: TestKube;
  readonly platform: Platform;
  readonly processes: TestProcesses;
  /** What every process of the site needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts a server and waits until it takes calls. */
  serve(env?: NodeJS.ProcessEnv): Promise<TestServer>;
  /** Starts a worker; resolves when it works, unless told not to wait. */
  work(env?: NodeJS.ProcessEnv): Promise<TestProcess>;
  row(id: string): Promise<ClusterRow>;
  /** The Shoots that carry the label of a cluster. */
  shootsOf(id: string): KubeObject[];
  close(): Promise<void>;
}

/** A running `slipway serve`. */
export interface TestServer {
  readonly process: TestProcess;
  readonly url: string;
  readonly clusters: Client<typeof ClusterService>;
}

const publicUrl = "http://slipway.test";

/** Prepares a site on a real PostgreSQL. */
export async function openSite(options: { readonly timeScale: number }): Promise<Site> {
  const processes = testProcesses();
  const directory = await mkdtemp(join(tmpdir(), "slipway-site-"));
  const database = await openTestDatabase();
  const kube = await startTestKube(options.timeScale);
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, kube.kubeconfig, { mode: 0o600 });
  const keyring = `test:${randomBytes(32).toString("base64")}`;
  const log = pino({ level: "silent" });
  const key = parseKeyringKey(keyring);
  const open = await openPlatform({
    ...loadConfig({}),
    server: database.server,
    log,
    keyring: key === undefined ? [] : [key],
    issuer: () => publicUrl,
    kubeconfig,
  });
  const env = {
    DATABASE_URL: database.url ?? "",
    KUBECONFIG: kubeconfig,
    SLIPWAY_KEYRING: keyring,
    SLIPWAY_PUBLIC_URL: publicUrl,
    SLIPWAY_LISTEN: "127.0.0.1:0",
    SLIPWAY_DATABASE_POOL_SIZE: "6",
    SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
  };
  return {
    ...(await createTenant(open.platform)),
    database,
    kube,
    platform: open.platform,
    processes,
    env,
    async serve(more = {}) {
      const process = processes.slipway(["serve"], { ...env, ...more });
      const url = await urlOf(process);
      return { process, url, clusters: createClient(ClusterService, transportTo(url)) };
    },
    async work(more = {}) {
      const process = processes.slipway(["worker"], { ...env, ...more });
      await process.logged("working");
      return process;
    },
    async row(id) {
      const [row] = await clusterStore.byIds(open.platform.db, [id]);
      if (row === undefined) throw new Error(`no cluster ${id}`);
      return row;
    },
    shootsOf: (id) => shootsOf(kube, id),
    async close() {
      await processes.killAll();
      await open.close();
      await kube.close();
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Connect over HTTP/1.1: no connection of an earlier server is tried again. */
export const transportTo = (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" });

/** Waits until a server says where it listens. */
export async function urlOf(server: TestProcess): Promise<string> {
  const { host, port } = await server.logged("serving");
  return `http://${String(host)}:${String(port)}`;
}

/** The Shoots that carry the label of a cluster. */
export function shootsOf(kube: TestKube, id: string): KubeObject[] {
  return kube.embedded.store.list(shoots, { labelSelector: `${keys.cluster}=${id}` });
}

/** Shoots, as the embedded server names them. */
export const shoots = { group: "core.gardener.cloud", resource: "shoots" } as const;
