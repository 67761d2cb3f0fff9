import { createClient } from "@connectrpc/connect";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ConfigService } from "../../gen/ts/deploy/v1/config_pb.js";
import { DeploymentService } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { EnvironmentService } from "../../gen/ts/deploy/v1/environment_pb.js";
import { NamespaceService, NamespaceState } from "../../gen/ts/deploy/v1/namespace_pb.js";
import { ProcessKind } from "../../gen/ts/deploy/v1/spec_pb.js";
import { ConnectionState, TargetService } from "../../gen/ts/deploy/v1/target_pb.js";
import { type Task, TaskService, TaskState } from "../../gen/ts/deploy/v1/task_pb.js";
import { startHostWorkloads } from "../../src/kube/embedded/workloads/host.js";
import { type DemoRegistry, startDemoRegistry } from "../../src/registry/demo/server.js";
import { deploymentStore } from "../../src/resources/deploy/deployment/store.js";
import { image, inventoryOf, objectsOf } from "../resources/deploy/works/site.js";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as } from "../support/platform.js";
import type { TestProcess } from "../support/process.js";
import { openSite, type Site, transportTo } from "./support/site.js";

if (postgresUrl === undefined) console.warn(`the test of workers that are killed while they deploy ${needsPostgres}`);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 120_000, interval: 50 });
const rounds = 4;

/** The same numbers from 0 to 1 in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const title = `workers that are killed while they deploy (${needsPostgres})`;
describe.skipIf(postgresUrl === undefined)(title, { timeout: 240_000 }, () => {
  let site: Site;
  let registry: DemoRegistry;
  let stop: () => Promise<void>;
  let env: Record<string, string>;
  let worker: TestProcess;
  let clients: ReturnType<typeof clientsOf>;
  const jobPods = new Map<string, Set<string>>();

  beforeAll(async () => {
    site = await openSite({ timeScale: 20 });
    registry = await startDemoRegistry();
    const { store } = site.kube.embedded;
    const options = { clock: () => new Date(), timeScale: 20, log: pino({ enabled: false }) };
    ({ stop } = await startHostWorkloads(store, options));
    store.watch({ group: "", resource: "pods" }, ({ object: { metadata } }) => {
      const job = metadata.labels?.["job-name"];
      if (job !== undefined) jobPods.set(job, (jobPods.get(job) ?? new Set()).add(metadata.uid));
    });
    env = { SLIPWAY_TARGET_ADDRESSES: "any", SLIPWAY_REGISTRY_MIRRORS: `*=${registry.url}` };
    clients = clientsOf((await site.serve(env)).url);
    worker = await site.work(env);
  }, 60_000);
  afterAll(async () => {
    await site?.close();
    await stop?.();
    await registry?.close();
  });

  /** A target with a namespace: the Kubernetes of the site. */
  async function place() {
    const { project, tokens } = site;
    const owner = as(tokens.owner);
    const environment = (await clients.environments.create({ project, name: "env" }, owner)).environment?.uuid ?? "";
    const source = { case: "kubeconfig", value: site.kube.kubeconfig } as const;
    const target = (await clients.targets.create({ project, name: "here", source }, owner)).target?.uuid ?? "";
    await until(async () => {
      const seen = (await clients.targets.get({ project, uuid: target }, owner)).target;
      expect(seen?.connection).toBe(ConnectionState.CONNECTED);
    });
    const made = await clients.namespaces.create({ project, target, name: "apps" }, owner);
    const namespace = made.namespace?.uuid ?? "";
    await until(async () => {
      const seen = (await clients.namespaces.get({ project, uuid: namespace }, owner)).namespace;
      expect(seen?.state).toBe(NamespaceState.ACTIVE);
    });
    return { environment, target, namespace };
  }

  test("each release is made, its job runs once, and one set of objects is left", async () => {
    const random = seeded(20_261_121);
    const { project, tokens } = site;
    const owner = as(tokens.owner);
    const processes = [
      { name: "web" },
      { name: "migrate", kind: ProcessKind.RELEASE_JOB, command: ["sh", "-c", "echo once"] },
    ];
    const { deployment, task } = await clients.deployments.create(
      { project, ...(await place()), name: "shop", source: image("shop:1"), processes },
      owner,
    );
    const uuid = deployment?.uuid ?? "";
    const tasks: (Task | undefined)[] = [task];
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(900 * random());
      await worker.kill();
      const patch = { setVariables: [{ name: "ROUND", value: String(round) }] };
      tasks.push((await clients.configs.update({ project, deployment: uuid, patch }, owner)).task);
      worker = await site.work(env);
    }
    for (const each of tasks) {
      await until(async () => {
        const seen = (await clients.tasks.get({ project, uuid: each?.uuid ?? "" }, owner)).task;
        expect(seen?.state).toBe(TaskState.SUCCEEDED);
      });
    }
    const [row] = await deploymentStore.byIds(site.platform.db, [uuid]);
    if (row === undefined) throw new Error("the deployment is gone");
    expect(row).toMatchObject({ activeRelease: rounds + 1, lastRelease: rounds + 1 });
    expect(objectsOf(site.kube, uuid)).toEqual(inventoryOf(row));
    const jobs = Array.from({ length: rounds + 1 }, (_, index) => `shop-migrate-r${index + 1}`);
    expect([...jobPods].map(([job, uids]) => [job, uids.size]).sort()).toEqual(jobs.map((job) => [job, 1]));
  });
});

function clientsOf(url: string) {
  const transport = transportTo(url);
  return {
    environments: createClient(EnvironmentService, transport),
    targets: createClient(TargetService, transport),
    namespaces: createClient(NamespaceService, transport),
    deployments: createClient(DeploymentService, transport),
    configs: createClient(ConfigService, transport),
    tasks: createClient(TaskService, transport),
  };
}
