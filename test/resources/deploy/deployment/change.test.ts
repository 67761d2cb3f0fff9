import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { DeploymentPhase, StopMode } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ConstraintField } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { ReleaseCause } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { TaskKind, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { routes } from "../../../../src/resources/deploy/route/table.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { namespacesOf } from "../namespace/namespaces.js";
import { targetsOf } from "../target/targets.js";
import { chart, deploymentsOf, image, newName, setting } from "./deployments.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  all = await deploymentsOf(platform, tenant);
});
afterAll(() => platform.close());

const db = () => platform.platform.db;
const named = (uuid: string) => ({ project: tenant.project, deployment: uuid });
const processes = [
  { name: "web", ports: [{ name: "http", port: 80 }], resources: { cpu: "100m" } },
  { name: "clean", kind: ProcessKind.JOB },
];

describe("an update", () => {
  it("changes name, description, labels and rollback at once, and nothing of what runs [tsuru.app-update, tsuru.node-container-update, platz.updateDeployment, pds.update-deployment]", async () => {
    const uuid = await all.running();
    const { objectName } = await all.get(uuid);
    const name = newName();
    const { deployment, release, task } = await all.update(uuid, {
      ...{
        name,
        description: "new",
        labels: { labels: { a: "b" } },
        autoRollback: { enabled: true, timeoutSeconds: 0 },
      },
    });
    expect(deployment).toMatchObject({ name, description: "new", labels: { a: "b" }, objectName, version: 2n });
    expect(deployment?.autoRollback).toMatchObject({ enabled: true, timeoutSeconds: 600 });
    expect([release, task]).toEqual([undefined, undefined]);
    const { name: taken } = await all.get((await all.create()).uuid);
    expect(await refusal(all.update(uuid, { name: taken }))).toMatchObject({ code: "AlreadyExists" });
    expect((await all.update(uuid, {})).deployment?.version).toBe(2n);
    expect(await refusal(all.update(uuid, { description: "x", options: { expectedVersion: 1n } }))).toMatchObject({
      code: "Aborted",
    });
  });

  it("of source, processes and configuration makes a release", async () => {
    const uuid = await all.running();
    const { release, task, deployment } = await all.update(uuid, {
      source: image("shop:2"),
      processes: { processes },
      config: setting({ HELLO: "world" }),
    });
    expect(release).toMatchObject({
      number: 2,
      cause: ReleaseCause.UPDATED,
      summary: expect.stringContaining("added HELLO"),
    });
    expect(task).toMatchObject({ kind: TaskKind.RELEASE, release: 2 });
    expect(deployment).toMatchObject({ activeRelease: 1, phase: DeploymentPhase.WORKING, version: 2n });
    await all.work(uuid);
    expect(await all.get(uuid)).toMatchObject({
      activeRelease: 2,
      processes: [
        { name: "web", replicas: 1 },
        { name: "clean", replicas: 0 },
      ],
    });
    expect(await refusal(all.update(uuid, { source: image("missing:2") }))).toMatchObject({ code: "NotFound" });
  });

  it("is refused with more tasks than may wait, and while it is being deleted", async () => {
    const uuid = await all.running();
    for (let i = 0; i < 20; i += 1) await all.configure(uuid, setting({ N: `${i}` }));
    expect(await refusal(all.configure(uuid, setting({ N: "x" })))).toMatchObject({ code: "ResourceExhausted" });
    const other = await all.running();
    const { deployment, task } = await all.client.delete(named(other), all.owner);
    expect(deployment?.phase).toBe(DeploymentPhase.DELETING);
    expect(task).toMatchObject({ kind: TaskKind.DELETE, state: TaskState.QUEUED });
    for (const call of [
      () => all.configure(other, setting({ A: "1" })),
      () => all.update(other, { description: "x" }),
      () => all.client.stop(named(other), all.owner),
      () => all.client.delete(named(other), all.owner),
    ]) {
      expect(await refusal(call())).toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining("being deleted"),
      });
    }
  });
});

describe("scaling", () => {
  const scaleOf = async (uuid: string) =>
    Object.fromEntries(
      (await all.tasks(uuid)).flatMap(({ params }) =>
        Object.entries(params.scale ?? {}).map(([name, { replicas }]) => [name, replicas]),
      ),
    );

  it("sets numbers, and differences to what will be then [tsuru.unit-add, tsuru.unit-remove, deis.containers-scale]", async () => {
    const uuid = await all.running();
    const { task } = await all.client.scale({ ...named(uuid), replicas: { web: 5 } }, all.owner);
    expect(task).toMatchObject({ kind: TaskKind.SCALE, release: 0 });
    await all.client.scale({ ...named(uuid), differences: { web: 2 } }, all.owner);
    expect(await scaleOf(uuid)).toEqual({ web: 7 });
    await all.client.scale({ ...named(uuid), differences: { web: -7 } }, all.owner);
    expect(await scaleOf(uuid)).toEqual({ web: 0 });
    expect((await all.tasks(uuid)).map(({ unitsAfter }) => unitsAfter)).toEqual([5, 7, 0]);
    expect(await refusal(all.client.scale({ ...named(uuid), differences: { web: -1 } }, all.owner))).toMatchObject({
      code: "InvalidArgument",
      fields: ["differences"],
    });
  });

  it("does not build on what is to be done later", async () => {
    const uuid = await all.running();
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    await all.client.scale({ ...named(uuid), replicas: { web: 9 }, options: { executeAt } }, all.owner);
    await all.client.scale({ ...named(uuid), differences: { web: 1 } }, all.owner);
    expect((await all.tasks(uuid)).map(({ params }) => params.scale?.web?.replicas)).toEqual([2, 9]);
  });

  it("is for processes that run all the time, and not for charts", async () => {
    const uuid = await all.running({ processes });
    const scale = (replicas: Record<string, number>, of = uuid) =>
      refusal(all.client.scale({ ...named(of), replicas }, all.owner));
    expect(await scale({ other: 1 })).toMatchObject({ code: "NotFound" });
    expect(await scale({ clean: 1 })).toMatchObject({ code: "FailedPrecondition" });
    expect(await scale({})).toMatchObject({ code: "InvalidArgument" });
    const both = { replicas: { web: 1 }, differences: { web: 1 } };
    expect(await refusal(all.client.scale({ ...named(uuid), ...both }, all.owner))).toMatchObject({
      fields: ["differences"],
    });
    const helm = await all.running({ source: chart("demo-web") });
    expect(await scale({ web: 1 }, helm)).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("chart"),
    });
  });

  it("is done by the load between bounds, until it is not any more [tsuru.unit-autoscale-set, tsuru.unit-autoscale-unset, tsuru.unit-autoscale-info]", async () => {
    const uuid = await all.running({ processes });
    const set = (autoscale?: object, process = "web") =>
      all.client.setAutoscale({ ...named(uuid), process, ...(autoscale && { autoscale }) }, all.owner);
    const bounds = { minReplicas: 2, maxReplicas: 4, cpuPercent: 80 };
    expect((await set(bounds)).task).toMatchObject({ kind: TaskKind.SCALE });
    expect(await refusal(all.client.scale({ ...named(uuid), replicas: { web: 3 } }, all.owner))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("autoscale"),
    });
    await all.work(uuid);
    expect((await all.get(uuid)).processes[0]).toMatchObject({ replicas: 2, autoscale: bounds });
    expect((await all.row(uuid)).units).toBe(4);
    expect(await refusal(set({ ...bounds, maxReplicas: 1 }))).toMatchObject({ fields: ["autoscale.max_replicas"] });
    expect(await refusal(set({ minReplicas: 1, maxReplicas: 2 }))).toMatchObject({ fields: ["autoscale"] });
    expect(await refusal(set({ ...bounds, memoryPercent: 50 }))).toMatchObject({ code: "FailedPrecondition" });
    expect(await refusal(set(bounds, "clean"))).toMatchObject({ code: "FailedPrecondition" });
    expect(await refusal(set(bounds, "other"))).toMatchObject({ code: "NotFound" });
    await set();
    await all.work(uuid);
    expect((await all.get(uuid)).processes[0]?.autoscale).toBeUndefined();
  });
});

describe("starting and stopping", () => {
  it("is about all of it, or some processes [tsuru.app-start, tsuru.app-stop, tsuru.app-restart, tsuru.app-sleep]", async () => {
    const uuid = await all.running({ processes });
    const { client, owner } = all;
    expect((await client.stop({ ...named(uuid), processes: ["web"] }, owner)).task?.kind).toBe(TaskKind.STOP);
    expect((await client.start({ ...named(uuid), processes: ["web"] }, owner)).task?.kind).toBe(TaskKind.START);
    expect((await client.restart({ ...named(uuid), processes: ["web"] }, owner)).task?.kind).toBe(TaskKind.RESTART);
    expect((await client.stop({ ...named(uuid), mode: StopMode.UNINSTALL }, owner)).task?.kind).toBe(TaskKind.STOP);
    expect((await all.tasks(uuid)).map(({ params }) => params)).toEqual([
      { processes: ["web"], stopMode: "scale_to_zero" },
      { processes: ["web"] },
      { processes: ["web"] },
      { stopMode: "uninstall" },
    ]);
    for (const [call, code] of [
      [() => client.stop({ ...named(uuid), processes: ["web"], mode: StopMode.UNINSTALL }, owner), "InvalidArgument"],
      [() => client.stop({ ...named(uuid), processes: ["other"] }, owner), "NotFound"],
      [() => client.start({ ...named(uuid), processes: ["clean"] }, owner), "FailedPrecondition"],
    ] as const) {
      expect(await refusal(call())).toMatchObject({ code });
    }
  });

  it("needs something that runs", async () => {
    const { uuid } = await all.create();
    await all.work(uuid, "failed", "it cannot");
    expect((await all.get(uuid)).phase).toBe(DeploymentPhase.FAILED);
    for (const call of [all.client.start, all.client.stop, all.client.restart]) {
      expect(await refusal(call(named(uuid), all.owner))).toMatchObject({ code: "FailedPrecondition" });
    }
    const stopped = await all.running();
    await db().update(deployments).set({ stopped: "scaled" }).where(eq(deployments.id, stopped));
    expect(await refusal(all.client.restart(named(stopped), all.owner))).toMatchObject({ code: "FailedPrecondition" });
  });
});

describe("a move", () => {
  it("goes to another target or namespace that the environment allows", async () => {
    const uuid = await all.running();
    const there = await all.place();
    const { task, release } = await all.client.move({ ...named(uuid), target: there.target }, all.owner);
    expect(task).toMatchObject({ kind: TaskKind.MOVE, release: 2 });
    expect(release).toMatchObject({ cause: ReleaseCause.MOVE, placement: there });
    const namespaces = namespacesOf(platform, tenant);
    expect(await refusal(namespaces.delete(there.namespace))).toMatchObject({ code: "FailedPrecondition" });
    await all.work(uuid);
    expect(await all.get(uuid)).toMatchObject(there);
    expect(await refusal(namespaces.delete(there.namespace))).toMatchObject({ code: "FailedPrecondition" });
    expect(await refusal(targetsOf(platform, tenant).delete(there.target))).toMatchObject({
      message: expect.stringContaining("deployment app-"),
    });
    expect(await refusal(all.client.move({ ...named(uuid), ...there }, all.owner))).toMatchObject({
      message: expect.stringContaining("there already"),
    });
  });

  it("is refused where something would be lost, or could not be", async () => {
    const there = await all.place({ capabilities: {} });
    const move = (uuid: string, target = there.target) =>
      refusal(all.client.move({ ...named(uuid), target }, all.owner));
    const stateful = await all.running({
      processes: [{ name: "db", kind: ProcessKind.STATEFUL, storage: { size: "1Gi", path: "/data" } }],
    });
    expect(await move(stateful)).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("STATEFUL"),
    });
    expect(await move(await all.running({ source: chart("demo-web") }))).toMatchObject({ code: "FailedPrecondition" });
    const { uuid } = await all.create();
    expect(await move(uuid)).toMatchObject({ code: "FailedPrecondition" });
    await all.work(uuid);
    expect(await move(uuid, tenant.project)).toMatchObject({ code: "NotFound" });
    const values = [there.target];
    const environment = (
      await all.environments.create({ constraints: [{ field: ConstraintField.TARGET, values, deny: true }] })
    ).uuid;
    expect(await move(await all.running({ environment }))).toMatchObject({
      message: expect.stringContaining("forbids"),
    });
  });
});

describe("an action", () => {
  it("starts a workload anew, or runs a job [platz.createDeploymentTask]", async () => {
    const uuid = await all.running({ processes });
    const { objectName } = await all.get(uuid);
    const entry = { target: all.home.target, group: "apps", version: "v1", plural: "deployments", kind: "Deployment" };
    const name = `${objectName}-web`;
    await db()
      .update(deployments)
      .set({ inventory: [{ ...entry, namespace: "ns", name }] })
      .where(eq(deployments.id, uuid));
    const invoke = (action: NonNullable<Parameters<typeof all.client.invokeAction>[0]["action"]>) =>
      all.client.invokeAction({ ...named(uuid), action }, all.owner);
    const job = { case: "runJob" as const, value: { process: "clean", args: ["--all"] } };
    expect((await invoke(job)).task?.kind).toBe(TaskKind.ACTION);
    const restart = (kind: string, of: string) =>
      invoke({ case: "restartObject", value: { kind, name: of, group: "apps" } });
    expect((await restart("Deployment", name)).task?.kind).toBe(TaskKind.ACTION);
    expect((await all.tasks(uuid)).map(({ params }) => params)).toEqual([
      { job: { process: "clean", args: ["--all"] } },
      { object: { group: "apps", kind: "Deployment", name } },
    ]);
    expect(await refusal(restart("Deployment", "other"))).toMatchObject({ code: "NotFound" });
    expect(await refusal(restart("Secret", name))).toMatchObject({ code: "InvalidArgument" });
    for (const [process, code] of [
      ["web", "FailedPrecondition"],
      ["other", "NotFound"],
    ] as const) {
      expect(await refusal(invoke({ case: "runJob", value: { process } }))).toMatchObject({ code });
    }
  });
});

describe("a deletion", () => {
  it("leaves a deployment that cannot be reached behind, by force [tsuru.app-remove, tsuru.node-container-remove, pds.delete-deployment, deis.apps-destroy, platz.deleteDeployment]", async () => {
    const name = newName();
    const uuid = await all.running({ name, ...(await all.place()) });
    const { target } = await all.get(uuid);
    await all.configure(uuid, setting({ A: "1" }));
    const { newId, clock } = platform.platform;
    const stamps = { createdAt: clock(), updatedAt: clock() };
    const route = { id: newId(), tenant: tenant.tenant, project: tenant.project, deployment: uuid, router: "" };
    await db()
      .insert(routes)
      .values({ ...route, hostname: `${name}.example.com`, tls: { type: "none" }, ...stamps });
    const force = () => all.client.delete({ ...named(uuid), force: true }, all.owner);
    expect((await force()).task).toMatchObject({ state: TaskState.QUEUED });
    await db().update(targets).set({ connection: "disconnected" }).where(eq(targets.id, target));
    const { deployment, task } = await force();
    expect(task).toMatchObject({ state: TaskState.SUCCEEDED, kind: TaskKind.DELETE });
    expect(deployment).toMatchObject({ phase: DeploymentPhase.DELETED, activeRelease: 0, task: "" });
    expect(await refusal(all.get(uuid))).toMatchObject({ code: "NotFound" });
    expect(await all.tasks(uuid)).toEqual([]);
    expect(await db().$count(routes, eq(routes.deployment, uuid))).toBe(0);
    expect((await all.create({ name })).deployment?.objectName).toBe(name);
  });

  it("ends with the task that removes what runs", async () => {
    const uuid = await all.running();
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    await all.configure(uuid, setting({ LATER: "1" }), { executeAt });
    await all.client.delete({ ...named(uuid), keepStorage: true }, all.owner);
    expect((await all.tasks(uuid)).map(({ params }) => params)).toEqual([{ keepStorage: true, force: false }, {}]);
    await all.work(uuid);
    expect(await all.tasks(uuid)).toEqual([]);
    expect(await all.row(uuid)).toMatchObject({ phase: "deleted", inventory: [] });
    expect((await all.client.list({ project: tenant.project }, all.owner)).deployments).not.toContainEqual(
      expect.objectContaining({ uuid }),
    );
  });

  it("of what it is in waits for it, but not for what was", async () => {
    const own = await platform.newTenant();
    const here = await deploymentsOf(platform, own);
    const uuid = await here.running();
    const deleted = async () => await refusal(here.environments.delete(here.environment));
    expect(await deleted()).toMatchObject({ message: expect.stringMatching(/delete deployment app-\d+ first/) });
    const projects = platform.client(ProjectService);
    expect(await refusal(projects.delete({ project: own.project }, here.owner))).toMatchObject({
      message: expect.stringContaining("not empty"),
    });
    await here.client.delete({ project: own.project, deployment: uuid }, here.owner);
    await here.work(uuid);
    expect(await deleted()).toMatchObject({ code: "OK" });
    const namespaces = namespacesOf(platform, own);
    expect(await refusal(namespaces.delete(here.home.namespace))).toMatchObject({ code: "OK" });
  });
});
