import { afterAll, beforeAll, expect, it } from "vitest";
import { DeploymentHealth, DeploymentPhase, StopMode } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { StepState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { asFields } from "../../../../src/kube/embedded/fields.js";
import type { TestPlatform } from "../../../support/platform.js";
import {
  bindClaims,
  claimsOf,
  deploymentsOf,
  type Home,
  homeOn,
  image,
  inventoryOf,
  objectsOf,
  openSite,
  podsOf,
} from "./site.js";

let platform: TestPlatform;
let close: () => Promise<void>;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  ({ platform, close } = await openSite());
  const tenant = await platform.newTenant();
  bindClaims(platform.kube);
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => close?.());

const pods = (name: string) =>
  podsOf(platform.kube, name, home.name).filter(
    ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === "Running",
  );
const variablesOf = (name: string) => {
  const releases = pods(name).map(({ metadata }) => metadata.labels?.["slipway.dev/release"]);
  return [...new Set(releases)];
};

it("a deployment is made and healthy; its objects are what its inventory says [tsuru.app-create, deis.apps-create]", async () => {
  const { uuid, task, objectName } = await all.create(home, { scale: [{ process: "web", replicas: 2 }] });
  const done = await all.done(task);
  expect(done.steps.map(({ name }) => name)).toEqual([
    "resolve",
    "apply",
    "release-job",
    "workloads",
    "wait",
    "activate",
    "variants",
    "routes",
    "prune",
  ]);
  expect(await all.get(uuid)).toMatchObject({ activeRelease: 1, phase: DeploymentPhase.IDLE });
  expect(pods(objectName)).toHaveLength(2);
  const row = await all.row(uuid);
  expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(row));
  expect(inventoryOf(row)).toContain(`deployments/${objectName}-web`);
  expect((await all.log(task)).join("\n")).toMatch(/web: \d of \d ready/);
});

it("a change of the configuration rolls its pods, and what only the old ones needed goes", async () => {
  const { uuid, task, objectName } = await all.create(home, { config: { setVariables: [{ name: "A", value: "1" }] } });
  await all.done(task);
  const { project, owner } = all;
  const config = { setVariables: [{ name: "HELLO", value: "you" }] };
  const answer = await all.configs.update({ project, deployment: uuid, patch: config }, owner);
  await all.done(answer.task);
  expect(await all.get(uuid)).toMatchObject({ activeRelease: 2 });
  await expect.poll(() => variablesOf(objectName), { timeout: 20_000 }).toEqual(["2"]);
  const objects = objectsOf(platform.kube, uuid);
  expect(objects).toContain(`secrets/${objectName}-r2`);
  expect(objects).not.toContain(`secrets/${objectName}-r1`);
  expect(objects).toEqual(inventoryOf(await all.row(uuid)));
});

it("a rollback goes back to what ran, and keeps the scale", async () => {
  const { uuid, task, objectName } = await all.create(home);
  await all.done(task);
  const { project, owner } = all;
  const update = await all.client.update({ project, deployment: uuid, source: image("shop:2") }, owner);
  await all.done(update.task);
  const scale = await all.client.scale({ project, deployment: uuid, replicas: { web: 3 } }, owner);
  await all.done(scale.task);
  const back = await all.releases.rollback({ project, deployment: uuid }, owner);
  await all.done(back.task);
  const { releases } = await all.releases.list({ project, deployment: uuid }, owner);
  expect(releases.map(({ number, status }) => [number, status])).toEqual([
    [3, ReleaseStatus.ACTIVE],
    [2, ReleaseStatus.SUPERSEDED],
    [1, ReleaseStatus.SUPERSEDED],
  ]);
  expect(releases[0]?.source).toEqual(releases[2]?.source);
  await expect.poll(() => pods(objectName), { timeout: 20_000 }).toHaveLength(3);
});

it("it is scaled up and down, by number and by difference", async () => {
  const { uuid, task, objectName } = await all.create(home);
  await all.done(task);
  const { project, owner } = all;
  await all.done((await all.client.scale({ project, deployment: uuid, replicas: { web: 3 } }, owner)).task);
  expect(pods(objectName)).toHaveLength(3);
  await all.done((await all.client.scale({ project, deployment: uuid, differences: { web: -2 } }, owner)).task);
  await expect.poll(() => pods(objectName), { timeout: 20_000 }).toHaveLength(1);
  expect((await all.row(uuid)).scale).toEqual({ web: { replicas: 1 } });
});

it("an autoscaler goes before its process gets a number of its own, which it keeps", async () => {
  const autoscale = { minReplicas: 2, maxReplicas: 5, cpuPercent: 50 };
  const { uuid, task, objectName } = await all.create(home, {
    processes: [{ name: "web", ports: [{ name: "http", port: 8080 }], resources: { cpu: "100m" } }],
    scale: [{ process: "web", replicas: 3, autoscale }],
  });
  await all.done(task);
  const { store } = platform.kube.embedded;
  const [scaler, workload] = [
    { group: "autoscaling", resource: "horizontalpodautoscalers", namespace: home.name, name: `${objectName}-web` },
    { group: "apps", resource: "deployments", namespace: home.name, name: `${objectName}-web` },
  ];
  await store.modify(scaler, ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, "simulator.slipway.dev/load": "500" };
  });
  const size = () => store.get(workload)?.spec?.replicas;
  await expect.poll(size, { timeout: 20_000 }).toBe(5);
  const seen: unknown[] = [];
  const ends = [
    store.watch(scaler, ({ type, object }) => object.metadata.name === scaler.name && seen.push(type)),
    store.watch(workload, ({ object }) => object.metadata.name === workload.name && seen.push(object.spec?.replicas)),
  ];
  const { project, owner } = all;
  await all.done((await all.client.setAutoscale({ project, deployment: uuid, process: "web" }, owner)).task);
  for (const end of ends) end();
  expect(seen).toContain(3);
  expect(seen.slice(0, seen.indexOf(3))).toContain("DELETED");
  expect(seen.slice(seen.indexOf(3))).not.toContain(5);
  expect(size()).toBe(3);
  expect((await all.row(uuid)).scale).toEqual({ web: { replicas: 3 } });
});

it("it is stopped to no replicas and started with as many as before", async () => {
  const { uuid, task, objectName } = await all.create(home, { scale: [{ process: "web", replicas: 2 }] });
  await all.done(task);
  const { project, owner } = all;
  await all.done((await all.client.stop({ project, deployment: uuid }, owner)).task);
  expect(await all.get(uuid)).toMatchObject({ phase: DeploymentPhase.STOPPED });
  expect(pods(objectName)).toHaveLength(0);
  expect((await all.row(uuid)).units).toBe(0);
  // A release that is made meanwhile does not start it.
  const update = await all.client.update({ project, deployment: uuid, source: image("shop:2") }, owner);
  await all.done(update.task);
  expect(pods(objectName)).toHaveLength(0);
  await all.done((await all.client.start({ project, deployment: uuid }, owner)).task);
  expect(pods(objectName)).toHaveLength(2);
  expect(variablesOf(objectName)).toEqual(["2"]);
  expect(await all.get(uuid)).toMatchObject({ phase: DeploymentPhase.IDLE });
});

it("it is uninstalled, released meanwhile, and started with what is active then", async () => {
  const command = ["sh", "-c", "echo migrating"];
  const processes = [{ name: "web" }, { name: "migrate", kind: ProcessKind.RELEASE_JOB, command }];
  const { uuid, task, objectName } = await all.create(home, { processes });
  await all.done(task);
  const { project, owner } = all;
  await all.done((await all.client.stop({ project, deployment: uuid, mode: StopMode.UNINSTALL }, owner)).task);
  expect(objectsOf(platform.kube, uuid)).toEqual([]);
  expect(inventoryOf(await all.row(uuid))).toEqual([]);
  const patch = { setVariables: [{ name: "A", value: "2" }] };
  await all.done((await all.configs.update({ project, deployment: uuid, patch }, owner)).task);
  expect(objectsOf(platform.kube, uuid)).toEqual([]);
  expect(await all.get(uuid)).toMatchObject({ activeRelease: 2, phase: DeploymentPhase.STOPPED });
  await all.done((await all.client.start({ project, deployment: uuid }, owner)).task);
  expect(variablesOf(objectName)).toEqual(["2"]);
  expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  // The job of the release that never ran runs now, and only now.
  expect(objectsOf(platform.kube, uuid)).toContain(`jobs/${objectName}-migrate-r2`);
  await all.done((await all.client.stop({ project, deployment: uuid, mode: StopMode.UNINSTALL }, owner)).task);
  // There is nothing to take replicas from.
  await all.done((await all.client.stop({ project, deployment: uuid }, owner)).task);
  expect(objectsOf(platform.kube, uuid)).toEqual([]);
  await all.done((await all.client.start({ project, deployment: uuid }, owner)).task);
  expect(objectsOf(platform.kube, uuid).join()).not.toContain("jobs/");
});

it("one of its processes is stopped, scaled while it is, and started again", async () => {
  const processes = [{ name: "web" }, { name: "worker" }];
  const { uuid, task, objectName } = await all.create(home, { processes });
  await all.done(task);
  const { project, owner } = all;
  await all.done((await all.client.stop({ project, deployment: uuid, processes: ["worker"] }, owner)).task);
  expect(pods(objectName)).toHaveLength(1);
  expect(await all.get(uuid)).toMatchObject({ phase: DeploymentPhase.IDLE });
  await all.done((await all.client.scale({ project, deployment: uuid, replicas: { worker: 2 } }, owner)).task);
  expect(pods(objectName)).toHaveLength(1);
  await all.done((await all.client.start({ project, deployment: uuid, processes: ["worker"] }, owner)).task);
  expect(pods(objectName)).toHaveLength(3);
});

it("a restart replaces its pods, once", async () => {
  const { uuid, task, objectName } = await all.create(home);
  await all.done(task);
  const before = pods(objectName).map(({ metadata }) => metadata.uid);
  const { project, owner } = all;
  await all.done((await all.client.restart({ project, deployment: uuid }, owner)).task);
  await expect.poll(() => pods(objectName).map(({ metadata }) => metadata.uid), { timeout: 20_000 }).toHaveLength(1);
  expect(pods(objectName).map(({ metadata }) => metadata.uid)).not.toEqual(before);
  const object = { kind: "Deployment", name: `${objectName}-web`, group: "apps" };
  const action = { case: "restartObject", value: object } as const;
  await all.done((await all.client.invokeAction({ project, deployment: uuid, action }, owner)).task);
});

it("a release job ends well before the others are changed, and its last lines are in the task's log", async () => {
  const command = ["sh", "-c", "echo migrating; echo done"];
  const processes = [{ name: "web" }, { name: "migrate", kind: ProcessKind.RELEASE_JOB, command }];
  const { uuid, task, objectName } = await all.create(home, { processes });
  await all.done(task);
  expect(objectsOf(platform.kube, uuid).filter((name) => name.startsWith("jobs/"))).toHaveLength(1);
  expect((await all.log(task)).join("\n")).toContain("done");
  const { project, owner } = all;
  const update = await all.client.update({ project, deployment: uuid, source: image("shop:2") }, owner);
  await all.done(update.task);
  const jobs = objectsOf(platform.kube, uuid).filter((name) => name.startsWith("jobs/"));
  expect(jobs).toEqual([`jobs/${objectName}-migrate-r2`]);
});

it("a job is run when it is asked for, with the arguments that are given", async () => {
  const processes = [{ name: "web" }, { name: "report", kind: ProcessKind.JOB, command: ["echo"] }];
  const { uuid, task, objectName } = await all.create(home, { processes });
  await all.done(task);
  const { project, owner } = all;
  const action = { case: "runJob" as const, value: { process: "report", args: ["all", "figures"] } };
  const invoked = await all.client.invokeAction({ project, deployment: uuid, action }, owner);
  await all.done(invoked.task);
  expect((await all.log(invoked.task)).join("\n")).toContain("all figures");
  const jobs = platform.kube.embedded.store.list({ group: "batch", resource: "jobs" }, { namespace: home.name });
  const own = jobs.filter(({ metadata }) => metadata.name.startsWith(`${objectName}-report`));
  expect(own.map(({ status }) => asFields(status).succeeded)).toEqual([1]);
});

it("what is deleted is gone with all that it had, and its name is free", async () => {
  const storage = { size: "1Gi", path: "/data" };
  const processes = [{ name: "db", kind: ProcessKind.STATEFUL, storage }];
  const { uuid, task, name, objectName } = await all.create(home, { processes });
  await all.done(task);
  expect(claimsOf(platform.kube, uuid)).toHaveLength(1);
  const { project, owner } = all;
  const { task: going } = await all.client.delete({ project, deployment: uuid }, owner);
  const done = await all.done(going);
  expect(done.steps.map(({ state }) => state)).not.toContain(StepState.FAILED);
  expect(objectsOf(platform.kube, uuid)).toEqual([]);
  expect(claimsOf(platform.kube, uuid)).toEqual([]);
  expect(pods(objectName)).toEqual([]);
  await expect(all.get(uuid)).rejects.toThrow(/not_found/);
  expect(await all.row(uuid)).toMatchObject({ phase: "deleted", inventory: [] });
  const again = await all.create(home, { name });
  expect(again.objectName).toBe(objectName);
  await all.done(again.task);
  await all.until(again.uuid, { health: DeploymentHealth.HEALTHY });
});

it("what has jobs alone is healthy when they are there", async () => {
  const { task } = await all.create(home, {
    processes: [{ name: "report", kind: ProcessKind.JOB, command: ["echo"] }],
  });
  await all.done(task);
});

it("storage is kept when it is asked for", async () => {
  const processes = [{ name: "db", kind: ProcessKind.STATEFUL, storage: { size: "1Gi", path: "/data" } }];
  const { uuid, task } = await all.create(home, { processes });
  await all.done(task);
  const { project, owner } = all;
  await all.done((await all.client.delete({ project, deployment: uuid, keepStorage: true }, owner)).task);
  expect(claimsOf(platform.kube, uuid)).toHaveLength(1);
});
