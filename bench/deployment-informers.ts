import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { createKeyring } from "../src/auth/keyring.js";
import type { Database } from "../src/db/database.js";
import { migrate } from "../src/db/migrate.js";
import { type KubeClient, openKube } from "../src/kube/client.js";
import type { KubeObject } from "../src/kube/objects.js";
import { ensurePersonalTenant } from "../src/resources/api/tenant/personal.js";
import { deployments } from "../src/resources/deploy/deployment/table.js";
import { services, workloadDeployments } from "../src/resources/deploy/engine/kinds.js";
import { environments } from "../src/resources/deploy/environment/table.js";
import { targetNamespaces } from "../src/resources/deploy/namespace/table.js";
import { targets } from "../src/resources/deploy/target/table.js";
import { openServer } from "./auth.js";
import { type BenchRun, compare, figure, percentile } from "./measure.js";
import { residentMb, scratchDatabase, scratchFolder, startProgram } from "./processes.js";
import { benchDeployment, benchName, benchNamespace } from "./target-names.js";

const goalMb = 700;
const waitMs = 300_000;
const pollMs = 5;
const log = pino({ level: "silent" });
const root = join(fileURLToPath(import.meta.url), "..", "..");

interface Size {
  readonly deployments: number;
  readonly podsOfEach: number;
  readonly changes: number;
  readonly restMs: number;
}

const fullSize: Size = { deployments: 1_000, podsOfEach: 10, changes: 20, restMs: 10_000 };
const shortSize: Size = { deployments: 10, podsOfEach: 2, changes: 2, restMs: 500 };

/**
 * A worker that follows 1,000 deployments with 10,000 pods: its memory beside its own before there was anything to
 * follow, how long it takes until all are shown as healthy, and from a change on the target to the deployment's row.
 * PostgreSQL only: the API server is a process of its own, too.
 */
export async function deploymentInformers(run: BenchRun): Promise<void> {
  if (run.databaseUrl === undefined) return;
  const size = run.short ? shortSize : fullSize;
  const databaseUrl = await scratchDatabase(run, run.databaseUrl);
  const { db } = await migrated(run, databaseUrl);
  const { ready } = await startProgram<{ kubeconfig: string }>(run, "target-server.ts", [
    String(size.deployments),
    String(size.podsOfEach),
  ]);
  const key = randomBytes(32);
  const worker = await startWorkerProcess(run, databaseUrl, ready.kubeconfig, key);
  await sleep(size.restMs);
  const before = residentMb(worker);
  const began = performance.now();
  await insertAll(db, await createKeyring([{ id: "bench", key }]).seal(ready.kubeconfig), size);
  await until(async () => (await countHealthy(db)) === size.deployments);
  run.report(figure("deployment-informers.all-healthy", "s", (performance.now() - began) / 1000));
  await sleep(size.restMs);
  run.report(compare("deployment-informers.memory", "MB", residentMb(worker), before, { below: goalMb }));
  const kube = openKube({ kubeconfig: ready.kubeconfig, log });
  run.onEnd(() => kube.close());
  const times: number[] = [];
  for (let index = 0; index < size.changes; index += 1) times.push(await timeChange(db, kube, index, size));
  run.report(figure("deployment-informers.change.p50", "ms", percentile(times, 0.5)));
  run.report(figure("deployment-informers.change.max", "ms", Math.max(...times)));
  run.report(figure("deployment-informers.memory-after", "MB", residentMb(worker), { below: goalMb }));
}

async function migrated(run: BenchRun, databaseUrl: string) {
  const server = await openServer(run, databaseUrl);
  await migrate(server, log);
  return server;
}

/** The compiled `slipway worker`; answers its process id. */
async function startWorkerProcess(
  run: BenchRun,
  databaseUrl: string,
  kubeconfig: string,
  key: Buffer,
): Promise<number> {
  const file = join(await scratchFolder(run), "kubeconfig");
  await writeFile(file, kubeconfig);
  const child = spawn(process.execPath, [join(root, "bin", "slipway.js"), "worker"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATABASE_URL: databaseUrl,
      KUBECONFIG: file,
      SLIPWAY_KEYRING: `bench:${key.toString("base64")}`,
      SLIPWAY_TARGET_ADDRESSES: "any",
      SLIPWAY_METRICS_LISTEN: "127.0.0.1:0",
      SLIPWAY_LOG_LEVEL: "silent",
      SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
    },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  run.onEnd(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  if (child.pid === undefined) throw new Error("the worker did not start");
  return child.pid;
}

/** A target, and deployments on it whose objects are there already. */
async function insertAll(db: Database, kubeconfigSealed: string, size: Size): Promise<void> {
  const now = new Date();
  const stamps = { createdAt: now, updatedAt: now };
  const project = await ensurePersonalTenant(db, "bench", { now, newId: uuidv7 });
  const [target, environment] = [uuidv7(), uuidv7()];
  await db.insert(environments).values({ id: environment, project, name: "bench", ...stamps });
  await db.insert(targets).values({ id: target, project, name: "bench", kubeconfigSealed, ...stamps });
  const all = Array.from({ length: size.deployments }, (_, index) => index);
  const namespaces = new Map(all.map((index) => [benchNamespace(index), uuidv7()]));
  const state = "active" as const;
  await db
    .insert(targetNamespaces)
    .values([...namespaces].map(([name, id]) => ({ id, project, target, name, adopt: true, state, ...stamps })));
  await db.insert(deployments).values(
    all.map((index) => ({
      ...{ id: benchDeployment(index), project, environment, target, ...stamps },
      ...{ namespace: namespaces.get(benchNamespace(index)) ?? "", name: benchName(index), kind: "web" },
      ...{ objectName: benchName(index), phase: "idle" as const, scale: { web: { replicas: size.podsOfEach } } },
      inventory: [workloadDeployments, services].map((type) => ({
        ...{ ...type, target, namespace: benchNamespace(index), name: `${benchName(index)}-web` },
      })),
    })),
  );
}

async function countHealthy(db: Database): Promise<number> {
  const { rows } = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from deployments where health = 'healthy'`,
  );
  return rows[0]?.count ?? 0;
}

/** A deployment loses a replica: until its row says so. */
async function timeChange(db: Database, kube: KubeClient, index: number, { podsOfEach }: Size): Promise<number> {
  const place = { name: `${benchName(index)}-web`, namespace: benchNamespace(index) };
  const live = await kube.get<KubeObject & { status: object }>(workloadDeployments, place);
  const left = podsOfEach - 1;
  const status = { ...live.status, readyReplicas: left, availableReplicas: left };
  await kube.replaceSubresource(workloadDeployments, { ...live, status }, "status");
  const began = performance.now();
  await until(async () => {
    const { rows } = await db.execute<{ health: string }>(
      sql`select health from deployments where id = ${benchDeployment(index)}`,
    );
    return rows[0]?.health === "degraded";
  });
  return performance.now() - began;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + waitMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`it is not as it should be after ${waitMs} ms`);
    await sleep(pollMs);
  }
}
