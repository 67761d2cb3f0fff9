import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ProcessKind } from "../../gen/ts/deploy/v1/spec_pb.js";
import { TaskState } from "../../gen/ts/deploy/v1/task_pb.js";
import type { KubeClient } from "../../src/kube/client.js";
import type { StoreEvent } from "../../src/kube/embedded/types.js";
import type { Platform } from "../../src/platform.js";
import { works } from "../../src/resources/deploy/deployment/works/works.js";
import { targetAccess } from "../../src/resources/deploy/target/access.js";
import { taskRunner } from "../../src/resources/deploy/task/runner.js";
import { taskStore } from "../../src/resources/deploy/task/store.js";
import {
  deploymentsOf,
  type Home,
  homeOn,
  image,
  inventoryOf,
  objectsOf,
  openSite,
  podsOf,
} from "../resources/deploy/works/site.js";
import type { TestPlatform, TestTenant } from "../support/platform.js";

let platform: TestPlatform;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let close: () => Promise<void>;
/** Uids of the Pods of release jobs that there have ever been, by the name of their Job. */
const jobPods = new Map<string, Set<string>>();

beforeAll(async () => {
  ({ platform, close } = await openSite());
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  all = await deploymentsOf(platform, tenant);
  platform.kube.embedded.store.watch({ group: "", resource: "pods" }, noteJobPod);
  // From here on nothing is done but by the attempts of the tests.
  await platform.stopBackground();
}, 60_000);
afterAll(() => close?.());

class Killed extends Error {}

/** A worker that is killed at its nth write to the database or call to the target: before it, or after it was carried out. */
interface Kill {
  readonly event: number;
  readonly isDone: boolean;
}

/** What a worker has that dies at such a point, and never does anything again. */
function mortal(kill: Kill | undefined) {
  const death = new AbortController();
  let events = 0;
  const lived = async <T>(work: () => Promise<T>): Promise<T> => {
    if (death.signal.aborted) throw new Killed();
    const isLast = events++ === kill?.event;
    if (isLast && !kill?.isDone) death.abort(new Killed());
    if (death.signal.aborted) throw new Killed();
    const answer = await work();
    if (isLast) death.abort(new Killed());
    if (death.signal.aborted) throw new Killed();
    return answer;
  };
  const { db } = platform.platform;
  const own: Platform = {
    ...platform.platform,
    db: new Proxy(db, {
      get(inner, name: keyof typeof db) {
        if (name !== "transaction") return inner[name];
        return (...args: Parameters<typeof db.transaction>) => lived(() => inner.transaction(...args));
      },
    }),
  };
  const open: typeof targetAccess = (_, target) => {
    const client = targetAccess(platform.platform, target);
    return new Proxy(client, {
      get(inner, name: keyof typeof client) {
        const method = inner[name] as (...args: unknown[]) => unknown;
        if (name === "close" || name === "server") return method;
        return (...args: unknown[]) =>
          lived(async () => await (method as KubeClient["get"])(...(args as [never, never])));
      },
    });
  };
  return { own, open, signal: death.signal };
}

/** One attempt at the tasks of a deployment, by a worker that may die at it. */
async function attempt(deployment: string, kill?: Kill): Promise<void> {
  const { own, open, signal } = mortal(kill);
  const handler = taskRunner(own, works(own, open));
  await handler({ deployment }, { signal, attempt: 1, log: platform.platform.log }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Notes each Pod of a Job that there ever is. */
function noteJobPod({ object: { metadata } }: StoreEvent): void {
  const job = metadata.labels?.["job-name"];
  if (job !== undefined) jobPods.set(job, (jobPods.get(job) ?? new Set()).add(metadata.uid));
}

/** Workers that die, and then one that lives until nothing is left to do. */
async function workOn(deployment: string, kills: readonly Kill[]): Promise<void> {
  for (const kill of kills) await attempt(deployment, kill);
  await expect
    .poll(
      async () => {
        await attempt(deployment);
        const open = await taskStore.openTasks(platform.platform.db, deployment);
        return open.map(({ steps }) => steps.map(({ name, state, message }) => [name, state, message].join(" ")));
      },
      { timeout: 60_000, interval: 10 },
    )
    .toEqual([]);
}

const processesWith = (annotations: Record<string, string>) => [
  { name: "web", annotations },
  { name: "migrate", kind: ProcessKind.RELEASE_JOB, command: ["sh", "-c", "echo once"] },
];

type Change = "config" | "image" | "scale" | "broken" | "restart" | "stop and start" | "uninstall and start";

/** What a deployment is after changes that went well. */
interface Model {
  active: number;
  last: number;
  replicas: number;
}

async function change(uuid: string, what: Change, model: Model, kills: readonly Kill[]): Promise<void> {
  const { project, owner, client } = all;
  const at = { project, deployment: uuid };
  const released = (): void => {
    model.last += 1;
    model.active = model.last;
  };
  const settle = async (task: { uuid: string } | undefined, state = TaskState.SUCCEEDED): Promise<void> => {
    await workOn(uuid, kills);
    const { task: after } = await all.tasks.get({ project, uuid: task?.uuid ?? "" }, owner);
    expect(after?.state, after?.steps.map(({ name, message }) => `${name}: ${message}`).join("; ")).toBe(state);
  };
  switch (what) {
    case "config": {
      const patch = { setVariables: [{ name: "N", value: String(model.last) }] };
      released();
      return await settle((await all.configs.update({ ...at, patch }, owner)).task);
    }
    case "image":
      released();
      return await settle((await client.update({ ...at, source: image(`shop:${model.last}`) }, owner)).task);
    case "broken": {
      model.last += 1;
      const broken = processesWith({ "simulator.slipway.dev/fault": "never-ready" });
      const { task } = await client.update({ ...at, processes: { processes: broken } }, owner);
      return await settle(task, TaskState.FAILED);
    }
    case "scale":
      model.replicas = (model.replicas % 3) + 1;
      return await settle((await client.scale({ ...at, replicas: { web: model.replicas } }, owner)).task);
    case "restart":
      return await settle((await client.restart(at, owner)).task);
    default:
      await settle((await client.stop({ ...at, mode: what === "stop and start" ? 1 : 2 }, owner)).task);
      return await settle((await client.start(at, owner)).task);
  }
}

/** There is one set of objects, the inventory is what is there, and each release job has run once. */
async function check(uuid: string, objectName: string, model: Model): Promise<void> {
  const row = await all.row(uuid);
  expect(row).toMatchObject({ activeRelease: model.active, lastRelease: model.last });
  expect(row.scale).toEqual({ web: { replicas: model.replicas } });
  const objects = objectsOf(platform.kube, uuid);
  expect(objects).toEqual(inventoryOf(row));
  expect(objects.filter((name) => name.startsWith("deployments/"))).toEqual([`deployments/${objectName}-web`]);
  const running = () =>
    podsOf(platform.kube, objectName, home.name)
      .filter(({ metadata }) => metadata.labels?.["slipway.dev/process"] === "web")
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.labels?.["slipway.dev/release"]);
  const wanted = Array.from({ length: model.replicas }, () => String(model.active));
  await expect.poll(running, { timeout: 20_000, interval: 20 }).toEqual(wanted);
  for (const [job, uids] of jobPods) if (job.startsWith(`${objectName}-`)) expect([job, uids.size]).toEqual([job, 1]);
}

const kills = fc.array(fc.record({ event: fc.nat({ max: 45 }), isDone: fc.boolean() }), { maxLength: 3 });
const changes = fc.constantFrom<Change>(
  "config",
  "image",
  "scale",
  "broken",
  "restart",
  "stop and start",
  "uninstall and start",
);

it("whenever workers die, each step is done, nothing runs twice, and one set of objects is left", async () => {
  const autoRollback = { enabled: true, timeoutSeconds: 120 };
  await fc.assert(
    fc.asyncProperty(
      kills,
      fc.array(fc.tuple(changes, kills), { minLength: 1, maxLength: 3 }),
      kills,
      async (making, steps, going) => {
        const { uuid, objectName } = await all.create(home, { processes: processesWith({}), autoRollback });
        const model: Model = { active: 1, last: 1, replicas: 1 };
        await workOn(uuid, making);
        await check(uuid, objectName, model);
        for (const [what, deaths] of steps) {
          await change(uuid, what, model, deaths);
          await check(uuid, objectName, model);
        }
        await all.client.delete({ project: all.project, deployment: uuid }, all.owner);
        await workOn(uuid, going);
        expect(objectsOf(platform.kube, uuid)).toEqual([]);
        expect(await all.row(uuid)).toMatchObject({ phase: "deleted", inventory: [] });
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
}, 400_000);
