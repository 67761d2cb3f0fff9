import { randomBytes } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DeploymentHealth, DeploymentPhase } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { StepState, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { TestPlatform } from "../../../support/platform.js";
import { openTargetProxy, type TargetProxy } from "../target/target-proxy.js";
import { deploymentsOf, type Home, homeOn, image, inventoryOf, objectsOf, openSite, podsOf } from "./site.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let close: () => Promise<void>;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  ({ platform, close } = await openSite());
  const tenant = await platform.newTenant();
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  home = await homeOn(platform, tenant, proxy.kubeconfig());
  all = await deploymentsOf(platform, tenant);
});
afterAll(async () => {
  await close?.();
  await proxy?.close();
});

const running = (name: string) =>
  podsOf(platform.kube, name, home.name).filter(
    ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === "Running",
  );
const releasesOf = async (deployment: string) =>
  (await all.releases.list({ project: all.project, deployment }, all.owner)).releases;
const update = async (deployment: string, reference: string) => {
  const config = { setVariables: [{ name: "REFERENCE", value: reference }] };
  return (await all.client.update({ project: all.project, deployment, source: image(reference), config }, all.owner))
    .task;
};
/** Played clusters are 100 times as fast: a rollout is late there after more than a second. */
const quick = (enabled: boolean) => ({ enabled, timeoutSeconds: 120 });

it("without automatic rollback what a failed release applied stays, and the one before stays active", async () => {
  const { uuid, task, objectName } = await all.create(home, { autoRollback: quick(false) });
  await all.done(task);
  const failed = await all.end(await update(uuid, "shop:never-ready"));
  expect(failed.state).toBe(TaskState.FAILED);
  expect(failed.message).toMatch(/web: \d+ of \d+ ready|not healthy|progress/i);
  expect(failed.steps.filter(({ name }) => name.startsWith("undo")).map(({ state }) => state)).toEqual([
    StepState.SKIPPED,
    StepState.SKIPPED,
    StepState.SKIPPED,
  ]);
  const [newest, before] = await releasesOf(uuid);
  expect([newest?.status, before?.status]).toEqual([ReleaseStatus.FAILED, ReleaseStatus.ACTIVE]);
  expect(newest?.message).not.toBe("");
  expect(await all.get(uuid)).toMatchObject({ activeRelease: 1, phase: DeploymentPhase.FAILED });
  const releases = podsOf(platform.kube, objectName, home.name).map(
    ({ metadata }) => metadata.labels?.["slipway.dev/release"],
  );
  expect(new Set(releases)).toEqual(new Set(["1", "2"]));
});

it("what is secret is in no message, log or preview, also when the target refuses it and quotes it", async () => {
  const [old = "", secret = ""] = ["old", "new"].map((name) =>
    `${name}${randomBytes(20).toString("hex")}`.slice(0, 30),
  );
  const setting = (value: string) => ({ setVariables: [{ name: "PASSWORD", value, sensitive: true }] });
  const { uuid, task } = await all.create(home, { config: setting(old) });
  await all.done(task);
  const { project, owner } = all;
  const answers: unknown[] = [await all.client.preview({ project, deployment: uuid, config: setting(secret) }, owner)];
  proxy.meddle(({ method, path }, response) => {
    if (method !== "PATCH" || !path.includes("/secrets/")) return false;
    const message = `data: Invalid value: ${secret} ${Buffer.from(secret).toString("base64")}`;
    response.writeHead(422, { "content-type": "application/json" });
    response.end(JSON.stringify({ kind: "Status", status: "Failure", reason: "Invalid", code: 422, message }));
    return true;
  });
  const { task: changing } = await all.configs.update({ project, deployment: uuid, patch: setting(secret) }, owner);
  const failed = await all.end(changing);
  proxy.leave();
  expect(failed.state).toBe(TaskState.FAILED);
  answers.push(await all.tasks.get({ project, uuid: failed.uuid }, owner), await releasesOf(uuid), await all.get(uuid));
  for await (const each of all.tasks.watch({ project, uuid: failed.uuid }, owner)) answers.push(each);
  const shown = JSON.stringify([answers, platform.lines], (_, each) => (typeof each === "bigint" ? `${each}` : each));
  expect(shown).toContain("PASSWORD");
  for (const value of [old, secret]) {
    expect(shown).not.toContain(value);
    expect(shown).not.toContain(Buffer.from(value).toString("base64"));
  }
});

it("health is shown of what a failed release left", async () => {
  // Not by pods that crash: those may be ready at the moment when the task looks.
  const autoRollback = { enabled: false, timeoutSeconds: 10 };
  const { uuid, task } = await all.create(home, { source: image("shop:pull-error"), autoRollback });
  expect(await all.end(task)).toMatchObject({ state: TaskState.FAILED });
  await all.until(uuid, { health: DeploymentHealth.UNHEALTHY, phase: DeploymentPhase.FAILED });
});

it("with automatic rollback a release whose pods crash is undone, and the one before runs as it did", async () => {
  const { uuid, task, objectName } = await all.create(home, { autoRollback: quick(true) });
  await all.done(task);
  const failed = await all.end(await update(uuid, "shop:crash-loop"));
  expect(failed).toMatchObject({ state: TaskState.FAILED });
  expect(failed.message).toMatch(/crash|restart|back-?off|exit/i);
  expect(failed.steps.slice(-3).map(({ name, state }) => [name, state])).toEqual([
    ["undo-apply", StepState.SUCCEEDED],
    ["undo-wait", StepState.SUCCEEDED],
    ["undo-prune", StepState.SUCCEEDED],
  ]);
  await expect
    .poll(() => running(objectName).map(({ metadata }) => metadata.labels?.["slipway.dev/release"]), {
      timeout: 20_000,
    })
    .toEqual(["1"]);
  expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  // The next one is made on the ground of what is active.
  await all.done(await update(uuid, "shop:2"));
  expect((await releasesOf(uuid)).map(({ status }) => status)).toEqual([
    ReleaseStatus.ACTIVE,
    ReleaseStatus.FAILED,
    ReleaseStatus.SUPERSEDED,
  ]);
});

it("a first release that fails leaves what it applied, or nothing with automatic rollback", async () => {
  const left = await all.create(home, { source: image("shop:never-ready"), autoRollback: quick(false) });
  expect(await all.end(left.task)).toMatchObject({ state: TaskState.FAILED });
  expect(objectsOf(platform.kube, left.uuid)).not.toEqual([]);
  const undone = await all.create(home, { source: image("shop:never-ready"), autoRollback: quick(true) });
  expect(await all.end(undone.task)).toMatchObject({ state: TaskState.FAILED });
  expect(objectsOf(platform.kube, undone.uuid)).toEqual([]);
  expect(inventoryOf(await all.row(undone.uuid))).toEqual([]);
});

it("a release job that fails ends the release before anything runs of it; a retry makes another release", async () => {
  const processes = [
    { name: "web" },
    { name: "migrate", kind: ProcessKind.RELEASE_JOB, command: ["sh", "-c", "echo no such table; exit 3"] },
  ];
  const { uuid, task, objectName } = await all.create(home, { processes });
  const failed = await all.end(task);
  expect(failed).toMatchObject({ state: TaskState.FAILED });
  expect(failed.message).toContain("migrate");
  expect((await all.log(task)).join("\n")).toContain("no such table");
  expect(running(objectName)).toEqual([]);
  const { task: again } = await all.tasks.retry({ project: all.project, uuid: task?.uuid ?? "" }, all.owner);
  expect(again).toMatchObject({ release: 2, retryOf: task?.uuid });
  expect(await all.end(again)).toMatchObject({ state: TaskState.FAILED });
  expect((await releasesOf(uuid)).map(({ status }) => status)).toEqual([ReleaseStatus.FAILED, ReleaseStatus.FAILED]);
});

it("a scale that is never reached is undone and not kept", async () => {
  const { uuid, task, objectName } = await all.create(home, { autoRollback: quick(false) });
  await all.done(task);
  const autoRollback = { enabled: false, timeoutSeconds: 5 };
  await all.client.update({ project: all.project, deployment: uuid, autoRollback }, all.owner);
  const quota = { metadata: { name: "few", namespace: home.name }, spec: { hard: { pods: "0" } } };
  const { store } = platform.kube.embedded;
  await store.create({ group: "", resource: "resourcequotas" }, quota);
  const { task: scaling } = await all.client.scale(
    { project: all.project, deployment: uuid, replicas: { web: 3 } },
    all.owner,
  );
  expect(await all.end(scaling)).toMatchObject({ state: TaskState.FAILED });
  await store.delete({ group: "", resource: "resourcequotas", namespace: home.name, name: "few" });
  expect((await all.row(uuid)).scale).toEqual({ web: { replicas: 1 } });
  await expect.poll(() => running(objectName), { timeout: 20_000 }).toHaveLength(1);
});

it("an object that is somebody else's is never taken over", async () => {
  const name = `taken-${home.name}`;
  const { store } = platform.kube.embedded;
  const spec = { ports: [{ port: 80 }], selector: { app: "theirs" } };
  await store.create(
    { group: "", resource: "services" },
    { metadata: { name: `${name}-web`, namespace: home.name }, spec },
  );
  const { task } = await all.create(home, { name });
  const failed = await all.end(task);
  expect(failed.state).toBe(TaskState.FAILED);
  expect(failed.message).toContain(`Service ${name}-web exists`);
  const live = store.get({ group: "", resource: "services", namespace: home.name, name: `${name}-web` });
  expect(live?.spec?.selector).toEqual({ app: "theirs" });
});

it("a release that is canceled while it waits is undone", async () => {
  const { uuid, task, objectName } = await all.create(home, {
    autoRollback: { enabled: false, timeoutSeconds: 3_600 },
  });
  await all.done(task);
  const rolling = await update(uuid, "shop:never-ready");
  const reads = { project: all.project, uuid: rolling?.uuid ?? "" };
  const step = async () =>
    (await all.tasks.get(reads, all.owner)).task?.steps.find(({ name }) => name === "wait")?.state;
  await expect.poll(step, { timeout: 20_000 }).toBe(StepState.RUNNING);
  await all.tasks.cancel(reads, all.owner);
  expect(await all.end(rolling)).toMatchObject({ state: TaskState.CANCELED });
  expect((await releasesOf(uuid))[0]?.status).toBe(ReleaseStatus.FAILED);
  await expect
    .poll(() => running(objectName).map(({ metadata }) => metadata.labels?.["slipway.dev/release"]), {
      timeout: 20_000,
    })
    .toEqual(["1"]);
});

it("a target that goes away in the middle of a rollout is waited for, and nothing is done twice", async () => {
  const command = ["sh", "-c", "echo once"];
  const processes = [{ name: "web" }, { name: "migrate", kind: ProcessKind.RELEASE_JOB, command }];
  const { uuid, task, objectName } = await all.create(home, { processes });
  await all.done(task);
  let isAway = false;
  proxy.meddle(({ method, path }, response) => {
    // It dies when the Deployment is about to be changed.
    isAway ||= method === "PATCH" && path.includes(`/deployments/${objectName}-web`);
    if (isAway) response.destroy();
    return isAway;
  });
  const rolling = await update(uuid, "shop:2");
  const reads = { project: all.project, uuid: rolling?.uuid ?? "" };
  await expect
    .poll(async () => (await all.tasks.get(reads, all.owner)).task?.message, { timeout: 30_000 })
    .toContain("waits for the target");
  proxy.leave();
  await all.done(rolling);
  const jobs = objectsOf(platform.kube, uuid).filter((name) => name.startsWith("jobs/"));
  expect(jobs).toEqual([`jobs/${objectName}-migrate-r2`]);
  expect((await all.log(rolling)).filter((line) => line.endsWith(": once"))).toHaveLength(1);
  expect((await all.log(rolling)).join("\n")).toContain("the target answers again");
});

it("a deployment on a target that is away is deleted with force alone", async () => {
  const { uuid, task, objectName } = await all.create(home);
  await all.done(task);
  proxy.meddle((_, response) => {
    response.destroy();
    return true;
  });
  const { task: going } = await all.client.delete({ project: all.project, deployment: uuid }, all.owner);
  const reads = { project: all.project, uuid: going?.uuid ?? "" };
  await expect
    .poll(async () => (await all.tasks.get(reads, all.owner)).task?.message, { timeout: 30_000 })
    .toContain("waits for the target");
  proxy.leave();
  await all.done(going);
  expect(running(objectName)).toEqual([]);

  const forced = await all.create(home);
  await all.done(forced.task);
  proxy.meddle((_, response) => {
    response.destroy();
    return true;
  });
  const { task: forgetting } = await all.client.delete(
    { project: all.project, deployment: forced.uuid, force: true },
    all.owner,
  );
  await all.done(forgetting);
  proxy.leave();
  expect(running(forced.objectName)).toHaveLength(1);
  await expect(all.get(forced.uuid)).rejects.toMatchObject({ code: Code.NotFound });
});
