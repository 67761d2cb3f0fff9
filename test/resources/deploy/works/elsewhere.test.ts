import { afterAll, beforeAll, expect, it } from "vitest";
import { ReleaseCause } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { ChartEngine } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { asList } from "../../../../src/kube/embedded/fields.js";
import { startTestKube, type TestKube, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { openTargetProxy } from "../target/target-proxy.js";
import { chart, deploymentsOf, type Home, homeOn, image, inventoryOf, objectsOf, openSite, podsOf } from "./site.js";

let platform: TestPlatform;
let tenant: TestTenant;
let far: TestKube;
let close: () => Promise<void>;
let home: Home;
let away: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  ({ platform, close } = await openSite());
  tenant = await platform.newTenant();
  far = await startTestKube(100, {}, undefined, true);
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  away = await homeOn(platform, tenant, far.kubeconfig);
  all = await deploymentsOf(platform, tenant);
});
afterAll(async () => {
  await close?.();
  await far?.close();
});

it("it is moved to another target: it runs there, and nothing is left here", async () => {
  const { uuid, task, objectName } = await all.create(home, { scale: [{ process: "web", replicas: 2 }] });
  await all.done(task);
  const { project, owner } = all;
  const moved = await all.client.move({ project, deployment: uuid, target: away.target }, owner);
  await all.done(moved.task);
  expect(await all.get(uuid)).toMatchObject({ target: away.target, namespace: away.namespace, activeRelease: 2 });
  const { release } = await all.releases.get({ project, deployment: uuid, number: 2 }, owner);
  expect(release?.cause).toBe(ReleaseCause.MOVE);
  expect(objectsOf(platform.kube, uuid)).toEqual([]);
  expect(objectsOf(far, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  expect(podsOf(far, objectName, away.name).filter(({ status }) => status?.phase === "Running")).toHaveLength(2);
});

it("a move that fails is undone: it runs where it did", async () => {
  const autoRollback = { enabled: false, timeoutSeconds: 120 };
  const { uuid, task, objectName } = await all.create(home, { autoRollback });
  await all.done(task);
  const quota = { metadata: { name: "none", namespace: away.name }, spec: { hard: { pods: "0" } } };
  await far.embedded.store.create({ group: "", resource: "resourcequotas" }, quota);
  const { project, owner } = all;
  const moved = await all.client.move({ project, deployment: uuid, target: away.target }, owner);
  expect(await all.end(moved.task)).toMatchObject({ state: TaskState.FAILED });
  await far.embedded.store.delete({ group: "", resource: "resourcequotas", namespace: away.name, name: "none" });
  expect(await all.get(uuid)).toMatchObject({ target: home.target, activeRelease: 1 });
  expect(objectsOf(far, uuid)).toEqual([]);
  expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  expect(podsOf(platform.kube, objectName, home.name)).not.toEqual([]);
});

it("it is moved away from a target that has died, and what was there goes when that is back", async () => {
  const proxy = await openTargetProxy(far.kubeconfig);
  try {
    const dying = await homeOn(platform, tenant, proxy.kubeconfig());
    const { uuid, task } = await all.create(dying);
    await all.done(task);
    proxy.meddle((_, response) => {
      response.destroy();
      return true;
    });
    const { project, owner } = all;
    await all.done((await all.client.move({ project, deployment: uuid, target: home.target }, owner)).task);
    const scale = async (replicas: number) =>
      await all.done((await all.client.scale({ project, deployment: uuid, replicas: { web: replicas } }, owner)).task);
    const { steps } = await scale(2);
    expect(steps.find(({ name }) => name === "prune")?.message).toContain("stay on a target that is away");
    expect(objectsOf(far, uuid)).not.toEqual([]);
    expect(objectsOf(platform.kube, uuid)).not.toEqual([]);
    proxy.leave();
    await scale(1);
    expect(objectsOf(far, uuid)).toEqual([]);
    expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  } finally {
    await proxy.close();
  }
});

const engines = [
  ["Flux", ChartEngine.FLUX],
  ["Argo CD", ChartEngine.ARGO_CD],
] as const;

it.each(engines)("a chart is installed by %s, changed, gone back to, and deleted", async (_, engine) => {
  const values = { replicas: 2 };
  const source = chart("demo-web", { version: "1.x", engine, values });
  const { uuid, task, objectName } = await all.create(home, { source });
  await all.done(task);
  const pods = () =>
    podsOf(platform.kube, objectName, home.name).filter(
      ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === "Running",
    );
  expect(pods()).toHaveLength(2);
  expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  const { project, owner } = all;
  const changed = await all.client.update(
    { project, deployment: uuid, source: chart("demo-web", { version: "2.0.0", engine, values: { replicas: 1 } }) },
    owner,
  );
  await all.done(changed.task);
  await expect.poll(pods, { timeout: 20_000 }).toHaveLength(1);
  await all.done((await all.client.restart({ project, deployment: uuid }, owner)).task);
  await all.done((await all.releases.rollback({ project, deployment: uuid }, owner)).task);
  await expect.poll(pods, { timeout: 20_000 }).toHaveLength(2);
  await all.done((await all.client.delete({ project, deployment: uuid }, owner)).task);
  expect(objectsOf(platform.kube, uuid)).toEqual([]);
  await expect.poll(pods, { timeout: 20_000 }).toEqual([]);
});

it.each(engines)("a chart that never becomes ready fails and is rolled back by %s", async (_, engine) => {
  const autoRollback = { enabled: true, timeoutSeconds: 60 };
  const { uuid, task, objectName } = await all.create(home, { source: chart("demo-web", { engine }), autoRollback });
  await all.done(task);
  const { project, owner } = all;
  const broken = await all.client.update(
    { project, deployment: uuid, source: chart("demo-broken", { engine }) },
    owner,
  );
  expect(await all.end(broken.task)).toMatchObject({ state: TaskState.FAILED });
  expect(await all.get(uuid)).toMatchObject({ activeRelease: 1 });
  const ready = () =>
    podsOf(platform.kube, objectName, home.name)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .flatMap(({ spec }) => asList(spec?.containers).map((container) => container.image));
  await expect.poll(ready, { timeout: 20_000 }).toEqual(["registry.example/demo-web:2.0.0"]);
});

it("an image takes the place of a chart, and nothing of the chart is left", async () => {
  const { uuid, task, objectName } = await all.create(home, { source: chart("demo-web") });
  await all.done(task);
  const { project, owner } = all;
  const update = { project, deployment: uuid, source: image("shop:1"), processes: { processes: [{ name: "web" }] } };
  const answer = await all.client.update(update, owner).catch((error: Error) => error);
  if (answer instanceof Error) {
    expect(answer.message).toMatch(/chart|image/);
    return;
  }
  await all.done(answer.task);
  expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  expect(objectsOf(platform.kube, uuid).join()).toContain(`deployments/${objectName}-web`);
});
