// A database with a tenant, a project of 50 clusters, and the same once more for the baseline.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { loadConfig } from "../src/config.js";
import { openPostgres } from "../src/db/database.js";
import { migrate } from "../src/db/migrate.js";
import { openPlatform } from "../src/process.js";
import { clusters } from "../src/resources/api/cluster/table.js";
import { ensurePersonalTenant } from "../src/resources/api/tenant/personal.js";
import { conditionTypes } from "./cluster-message.js";
import type { BenchRun } from "./measure.js";
import { scratchDatabase, scratchFolder } from "./processes.js";
import { issueOwnerToken, nowhereKubeconfig } from "./tenant.js";

/** How many clusters the project has. */
export const clusterCount = 50;
const tenant = "bench";
const issuer = "https://bench.example";
const log = pino({ level: "silent" });

export interface ClusterDatabase {
  /** For the platform. */
  readonly url: string;
  /** A copy for the baseline, whose changes the platform does not hear of. */
  readonly copyUrl: string;
  /** What the platform is told to work with the database. */
  readonly env: Readonly<Record<string, string>>;
  readonly tenant: string;
  readonly project: string;
  /** One of the project's clusters. */
  readonly uuid: string;
  /** Of an owner of the project. */
  readonly token: string;
}

/** Makes the two databases on the server, over its unix socket where that is there. */
export async function openClusterDatabase(run: BenchRun, serverUrl: string): Promise<ClusterDatabase> {
  const server = await throughSocket(serverUrl);
  const url = await scratchDatabase(run, server);
  const keyring = `bench:${randomBytes(32).toString("base64")}`;
  const filled = await fill(url, keyring);
  const copyUrl = await scratchDatabase(run, server, url);
  const kubeconfig = join(await scratchFolder(run), "kubeconfig");
  await writeFile(kubeconfig, nowhereKubeconfig);
  const env = { DATABASE_URL: url, SLIPWAY_KEYRING: keyring, SLIPWAY_PUBLIC_URL: issuer, KUBECONFIG: kubeconfig };
  return { url, copyUrl, env, tenant, ...filled };
}

async function fill(url: string, keyring: string) {
  const timeouts = { connectTimeoutMs: 10_000, statementTimeoutMs: 10_000 };
  const server = openPostgres({ url, poolSize: 5, applicationName: "bench", ...timeouts, log });
  try {
    await migrate(server, log);
    const config = loadConfig({ SLIPWAY_KEYRING: keyring });
    const options = { ...config, server, log, issuer: () => issuer, kubeconfig: nowhereKubeconfig };
    const { platform, close } = await openPlatform(options);
    try {
      const { db, clock, newId } = platform;
      const project = await ensurePersonalTenant(db, tenant, { now: clock(), newId, admitted: true });
      const rows = Array.from({ length: clusterCount }, (_, i) => clusterRow(newId(), project, i, clock()));
      await db.insert(clusters).values(rows);
      return { project, uuid: rows[0]?.id ?? "", token: await issueOwnerToken(platform, tenant) };
    } finally {
      await close();
    }
  } finally {
    await server.close();
  }
}

/** A cluster that is up and has nothing to tell. */
function clusterRow(id: string, project: string, index: number, now: Date): typeof clusters.$inferInsert {
  const worker = { minSize: 1, maxSize: 3, maxSurge: 1, maxUnavailable: 0 };
  return {
    id,
    project,
    name: `bench-${index}`,
    partition: "eqx-mu4",
    kubernetesVersion: "1.33.5",
    workers: [
      { name: "group-0", machineType: "n1-medium-x86", ...worker },
      { name: "group-1", machineType: "c1-xlarge-x86", ...worker },
    ],
    kubernetesAutoupdate: true,
    machineimageAutoupdate: true,
    maintenanceBegin: new Date("2000-01-01T22:00:00Z"),
    maintenanceSeconds: 7_200,
    createdAt: now,
    updatedAt: now,
    statusType: "Create",
    statusState: "Succeeded",
    statusProgress: 100,
    apiServerReady: "True",
    controlPlaneReady: "True",
    nodesReady: "True",
    systemComponentsReady: "True",
    conditions: conditionTypes.map((type) => ({
      type,
      status: "True",
      reason: `${type}Succeeded`,
      message: "All checks passed.",
      lastTransitionTime: now.toISOString(),
      lastUpdateTime: now.toISOString(),
    })),
  };
}

/** The same server by its unix socket in one of the usual folders, or as it was given where none leads to it. */
async function throughSocket(url: string): Promise<string> {
  const given = new URL(url);
  if (!["127.0.0.1", "localhost", "[::1]"].includes(given.hostname)) return url;
  for (const folder of ["/var/run/postgresql", "/tmp"]) {
    const socket = new URL(url);
    socket.hostname = "localhost";
    socket.searchParams.set("host", folder);
    const client = new pg.Client({ connectionString: socket.href });
    const isOpen = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (isOpen) return socket.href;
  }
  console.error("PostgreSQL has no unix socket that this user may use: both sides take TCP");
  return url;
}
